package lantest

import (
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// FarAddress gives the far end one more address, such as "10.10.0.2/24": there is a PC then
// that answers ARP and ping, and where Beyond may listen or dial.
func (l *LAN) FarAddress(prefix string) {
	l.t.Helper()
	l.check("add address "+prefix+" to the far end", l.far.AddrReplace(l.farEnd, l.address(prefix)))
}

// FarDefaultRoute routes at the far end everything unknown to the near end's address.
func (l *LAN) FarDefaultRoute() {
	l.t.Helper()
	for _, p := range l.prefixes {
		if p.Addr().Is4() {
			route := &netlink.Route{LinkIndex: l.farEnd.Attrs().Index, Gw: p.Addr().AsSlice()}
			l.check("set the far default route", l.far.RouteReplace(route))
			return
		}
	}
	l.t.Fatal("a default route needs an IPv4 prefix")
}

// Beyond calls f on a thread of the far end's namespace. A socket that f opens itself, and
// not in another goroutine, belongs there for good.
func (l *LAN) Beyond(f func() error) error { return Within(l.beyond, f) }

// Within calls f on a thread that has moved to a network namespace, as Beyond does.
func Within(there netns.NsHandle, f func() error) error {
	return elsewhere(func() error { return netns.Set(there) }, func(netns.NsHandle) error { return f() })
}
