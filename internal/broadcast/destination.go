package broadcast

import (
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// destination is one place that packets go to.
type destination struct {
	iface   string // "" where the routing table chooses
	text    string // for receipts
	address []byte // for the kernel, a struct sockaddr
	control []byte // IP_PKTINFO that ties the packet to iface, or nil
	outlet  outlet
	next    hop // of a configured unicast
	socket  *socket
	// siblings is true for a macvlan: the kernel hands a broadcast to the others of its
	// card (mode "bridge") before it asks the card for room.
	siblings bool
}

// outlet names a socket. Every interface has its own: were there one for all, a
// card that takes nothing any more (an Ethernet PAUSE, IEEE 802.3x) would fill its
// send buffer, and no packet would leave by the others either.
type outlet struct {
	family     int    // unix.AF_INET, AF_INET6 or AF_PACKET
	index      int    // of the interface, or 0
	configured string // the configured destination, or ""
}

// send hands packets to the kernel; see socket.send.
func (d destination) send(packets [][]byte, failed []error) {
	d.socket.send(packets, d.address, d.control, failed)
}

// failure puts into words why a packet did not go there.
func (d destination) failure(err error) wol.Failure {
	f := wol.Failure{Interface: d.iface, Destination: d.text, Error: errorText(err), Code: failureCode(err)}
	if d.unsure(err) {
		f.Error += "; other macvlan interfaces of its card may have heard it"
	}
	return f
}

// unsure reports whether a packet that failed may have been heard all the same.
func (d destination) unsure(err error) bool { return d.siblings && lost(err) }

// refused is failure for a reason that is known beforehand.
func (d destination) refused(reason string) wol.Failure {
	return wol.Failure{Interface: d.iface, Destination: d.text, Error: reason}
}

// limited returns 255.255.255.255 (RFC 919 section 7) by way of l. It is tied to
// the interface by IP_PKTINFO (ip(7)), which needs no privilege: a plain send
// leaves by the default route's interface only, and without one not at all.
func limited(l rtnetlink.Link, port uint16) destination {
	return inet4(l, netip.AddrPortFrom(limitedBroadcast(), port), nil)
}

// directed returns the broadcast address of a prefix of l. Naming our address in
// that prefix as the source makes the kernel refuse the packet when the address has
// gone; otherwise it would take the broadcast for a host on the link, ask for its
// MAC, send nothing, and call that a success.
func directed(l rtnetlink.Link, prefix netip.Prefix, to netip.Addr, port uint16) destination {
	return inet4(l, netip.AddrPortFrom(to, port), prefix.Addr().AsSlice())
}

func inet4(l rtnetlink.Link, to netip.AddrPort, source []byte) destination {
	control := ipv4.ControlMessage{IfIndex: l.Index, Src: source}
	return destination{iface: l.Name, text: to.String(), address: sockaddr(to, 0), control: control.Marshal(), outlet: outlet{family: unix.AF_INET, index: l.Index}}
}

// allNodes returns ff02::1, every IPv6 host of the link (RFC 4291 section 2.7.1).
func allNodes(l rtnetlink.Link, port uint16) destination {
	all := netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x01}).WithZone(l.Name)
	to := netip.AddrPortFrom(all, port)
	return destination{iface: l.Name, text: to.String(), address: sockaddr(to, l.Index), outlet: outlet{family: unix.AF_INET6, index: l.Index}}
}

// frame returns a frame of EtherType 0x0842 to every station of the link.
func frame(l rtnetlink.Link) destination {
	return destination{iface: l.Name, text: "ff:ff:ff:ff:ff:ff/0x0842", address: linkLayer(l.Index), outlet: outlet{family: unix.AF_PACKET, index: l.Index}}
}

// configured returns a destination of --destinations; zone is the index of the
// interface that it names, or 0.
func configured(to netip.AddrPort, zone int) destination {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	return destination{text: to.String(), address: sockaddr(to, zone), outlet: outlet{family: family, configured: to.String()}}
}

func limitedBroadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// directedBroadcast returns the last address of an IPv4 prefix. A /31 (RFC
// 3021) and a /32 have none, and that of a /0 is the limited broadcast.
func directedBroadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.Addr().Is4() || p.Bits() > 30 || p.Bits() == 0 {
		return netip.Addr{}, false
	}
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a), true
}
