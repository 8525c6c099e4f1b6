package broadcast

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/ipv4"

	"wolgate/internal/wol"
)

// destination is one place that a packet goes to.
type destination struct {
	iface   string // "" where the routing table chooses
	address netip.AddrPort
	text    string // address, for receipts
	control []byte // IP_PKTINFO that ties the packet to iface, or nil
	index   int    // of the socket
	via     *socket
}

func (d destination) send(ctx context.Context, packet []byte) error {
	return d.via.send(ctx, packet, d.control, d.address)
}

// link is what a decision about an interface needs to know of it.
type link struct {
	name     string
	index    int
	flags    net.Flags
	prefixes []netip.Prefix
}

// survey is the state of the host's interfaces at one moment, and what follows
// from it. It never changes.
type survey struct {
	taken        time.Time
	interfaces   []wol.Interface
	destinations []destination
	down         []wol.Failure // expected to send, and cannot
}

// newSurvey decides from links alone; it is a pure function.
//
// An interface is eligible when it is up and running, can broadcast, is neither
// loopback nor point-to-point, and is wanted by the operator. One that is wanted
// but down goes into down if somebody relies on it, which a configured IPv4
// address or an entry in --interfaces shows; an unused socket of the mainboard
// must not turn every receipt into a partial one.
func newSurvey(links []link, want Selection, port uint16, now time.Time) survey {
	s := survey{taken: now}
	named := want.Only.literal()
	for _, l := range links {
		reason, dead := judge(l, want)
		destinations := l.destinations(port)
		info := wol.Interface{Name: l.name, Eligible: reason == "", Reason: reason, Addresses: []string{}, Destinations: []string{}}
		for _, p := range l.prefixes {
			info.Addresses = append(info.Addresses, p.String())
		}
		for _, d := range destinations {
			switch {
			case reason == "":
				s.destinations = append(s.destinations, d)
				info.Destinations = append(info.Destinations, d.text)
			case dead && (len(l.prefixes) > 0 || slices.Contains(named, l.name)):
				s.down = append(s.down, wol.Failure{Interface: l.name, Destination: d.text, Error: reason})
			}
		}
		s.interfaces = append(s.interfaces, info)
		named = slices.DeleteFunc(named, func(name string) bool { return name == l.name })
	}
	for _, missing := range named {
		const reason = "no such network interface"
		limited := netip.AddrPortFrom(limitedBroadcast(), port).String()
		s.interfaces = append(s.interfaces, wol.Interface{Name: missing, Reason: reason, Addresses: []string{}, Destinations: []string{}})
		s.down = append(s.down, wol.Failure{Interface: missing, Destination: limited, Error: reason})
	}
	return s
}

// judge returns why l is not eligible, or "", and whether the reason is one
// that passes: the interface is wanted and merely down.
func judge(l link, want Selection) (reason string, down bool) {
	switch refused := want.refuses(l.name); {
	case l.flags&net.FlagLoopback != 0:
		return "loopback", false
	case l.flags&net.FlagPointToPoint != 0:
		return "point-to-point, it has no broadcast", false
	case refused != "":
		return refused, false
	case l.flags&net.FlagBroadcast == 0:
		return "not capable of broadcast", false
	case l.flags&net.FlagUp == 0:
		return "network is down", true
	case l.flags&net.FlagRunning == 0:
		return "no carrier", true
	default:
		return "", false
	}
}

// destinations returns the limited broadcast and the directed broadcast of
// every IPv4 prefix, all tied to this interface by IP_PKTINFO (ip(7)): a plain
// send to 255.255.255.255 leaves by the default route's interface only, and
// not at all without a default route. IP_PKTINFO needs no privilege.
func (l link) destinations(port uint16) []destination {
	addresses := []netip.Addr{limitedBroadcast()}
	for _, p := range l.prefixes {
		if b, ok := directedBroadcast(p); ok && !slices.Contains(addresses, b) {
			addresses = append(addresses, b)
		}
	}
	control := (&ipv4.ControlMessage{IfIndex: l.index}).Marshal()
	list := make([]destination, len(addresses))
	for i, a := range addresses {
		to := netip.AddrPortFrom(a, port)
		list[i] = destination{iface: l.name, address: to, text: to.String(), control: control, index: l.index}
	}
	return list
}

// limitedBroadcast is 255.255.255.255 (RFC 919 section 7).
func limitedBroadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// directedBroadcast returns the last address of an IPv4 prefix. A /31 (RFC
// 3021) and a /32 have none.
func directedBroadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a), true
}

// readLinks asks the kernel for the interfaces and their IPv4 prefixes.
func readLinks() ([]link, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	links := make([]link, 0, len(interfaces))
	for _, i := range interfaces {
		l := link{name: i.Name, index: i.Index, flags: i.Flags}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it went away since it was listed
		}
		for _, a := range addresses {
			if network, ok := a.(*net.IPNet); ok {
				if p, err := netip.ParsePrefix(network.String()); err == nil && p.Addr().Is4() {
					l.prefixes = append(l.prefixes, p)
				}
			}
		}
		links = append(links, l)
	}
	return links, nil
}
