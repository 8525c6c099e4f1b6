package lantest

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AddAddress gives the interface one more address, such as "10.10.0.1/24".
func (l *link) AddAddress(prefix string) {
	l.t.Helper()
	l.check("add address "+prefix, netlink.AddrAdd(l.device(), l.address(prefix)))
	l.prefixes = append(l.prefixes, netip.MustParsePrefix(prefix))
}

// DelAddress takes an address from the interface.
func (l *link) DelAddress(prefix string) {
	l.t.Helper()
	l.check("delete address "+prefix, netlink.AddrDel(l.device(), l.address(prefix)))
	gone := netip.MustParsePrefix(prefix)
	l.prefixes = slices.DeleteFunc(l.prefixes, func(p netip.Prefix) bool { return p == gone })
}

// DefaultRoute routes everything unknown into this LAN, to a gateway at the
// last host address of its first IPv4 prefix. Nothing there answers ARP,
// so the gateway's MAC is set to that of the far end, and the sniffer sees what
// would have been routed on.
func (l *LAN) DefaultRoute() {
	l.t.Helper()
	l.defaultRoute(l.gateway())
}

// DefaultRouteVia is DefaultRoute with a gateway of the caller's choice.
func (l *LAN) DefaultRouteVia(gateway string) {
	l.t.Helper()
	l.defaultRoute(net.ParseIP(gateway))
}

func (l *LAN) defaultRoute(gateway net.IP) {
	l.t.Helper()
	l.check("set the gateway's MAC", netlink.NeighSet(&netlink.Neigh{
		LinkIndex: l.index, State: netlink.NUD_PERMANENT, IP: gateway, HardwareAddr: l.farEnd.Attrs().HardwareAddr,
	}))
	l.check("set the default route", netlink.RouteReplace(&netlink.Route{LinkIndex: l.index, Gw: gateway}))
}

// DelBroadcast takes a broadcast address of the near end out of the routing tables.
func (l *LAN) DelBroadcast(address string) {
	l.t.Helper()
	l.check("delete the broadcast route", netlink.RouteDel(&netlink.Route{
		LinkIndex: l.index, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_BROADCAST, Scope: netlink.SCOPE_LINK,
		Dst: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)},
	}))
}

// MTU sets how many bytes fit into a frame of the near end.
func (l *LAN) MTU(bytes int) {
	l.t.Helper()
	l.check("set the MTU", netlink.LinkSetMTU(l.device(), bytes))
}

// address parses a prefix. Without duplicate address detection an IPv6 address
// can be used at once; IPv4 has none. Package netlink makes up a broadcast
// address unless it is told that there is none.
func (l *link) address(prefix string) *netlink.Addr {
	l.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	l.check("parse address", err)
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	if !l.broadcast {
		a.Broadcast = net.IPv4zero
	}
	return a
}

func (l *LAN) gateway() net.IP {
	l.t.Helper()
	for _, p := range l.prefixes {
		if !p.Addr().Is4() {
			continue
		}
		last := p.Addr().As4()
		for i := p.Bits(); i < 32; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		last[3]-- // The last address of all is the broadcast.
		return last[:]
	}
	l.t.Fatal("a default route needs an IPv4 prefix")
	return nil
}
