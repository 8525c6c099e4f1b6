package rtnetlink

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// network parses a destination as the netlink module wants it.
func network(t *testing.T, prefix string) *net.IPNet {
	t.Helper()
	_, n, err := net.ParseCIDR(prefix)
	must(t, "parse "+prefix, err)
	return n
}

// addRoute adds a route, which goes with its interface.
func addRoute(t *testing.T, r *netlink.Route) {
	t.Helper()
	must(t, "add route "+r.String(), netlink.RouteAdd(r))
}

// routesTo returns the routes to one destination.
func routesTo(t *testing.T, prefix string) []Route {
	t.Helper()
	all, err := Routes()
	must(t, "list routes", err)
	to := netip.MustParsePrefix(prefix)
	return slices.DeleteFunc(all, func(r Route) bool { return r.Destination != to })
}

// route makes one as Routes should return it. No gateway is "".
func route(to, gateway string, iface int) Route {
	r := Route{Destination: netip.MustParsePrefix(to), Interface: iface}
	if gateway != "" {
		r.Gateway = netip.MustParseAddr(gateway)
	}
	return r
}

func TestRoutes(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24", "2001:db8:a::1/64")
	lantest.New(t, "lanb", "10.20.0.1/24", "10.20.1.0/31")
	ia, ib := find(t, "lana").Index, find(t, "lanb").Index
	if got := routesTo(t, "0.0.0.0/0"); len(got) > 0 {
		t.Errorf("a default route before there is one: %+v", got)
	}
	a.DefaultRoute()
	addRoute(t, &netlink.Route{Dst: network(t, "192.0.2.0/24"), LinkIndex: ib, Gw: net.ParseIP("10.20.0.254")})
	addRoute(t, &netlink.Route{Dst: network(t, "::/0"), LinkIndex: ia, Gw: net.ParseIP("2001:db8:a::fe")})
	addRoute(t, &netlink.Route{Dst: network(t, "198.51.100.0/24"), LinkIndex: ia,
		Via: &netlink.Via{AddrFamily: netlink.FAMILY_V6, Addr: net.ParseIP("2001:db8:a::fd")}})
	addRoute(t, &netlink.Route{Dst: network(t, "203.0.113.0/24"), MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: ia, Gw: net.ParseIP("10.10.0.253")}, {LinkIndex: ib, Gw: net.ParseIP("10.20.0.253")}}})
	addRoute(t, &netlink.Route{Dst: network(t, "2001:db8:f::/48"), MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: ia, Gw: net.ParseIP("2001:db8:a::1:1")}, {LinkIndex: ia, Gw: net.ParseIP("2001:db8:a::1:2")}}})
	for to, want := range map[string][]Route{
		"0.0.0.0/0":       {route("0.0.0.0/0", "10.10.0.254", ia)},
		"::/0":            {route("::/0", "2001:db8:a::fe", ia)},
		"10.10.0.0/24":    {route("10.10.0.0/24", "", ia)},
		"10.20.0.0/24":    {route("10.20.0.0/24", "", ib)},
		"10.20.1.0/31":    {route("10.20.1.0/31", "", ib)},
		"2001:db8:a::/64": {route("2001:db8:a::/64", "", ia)},
		"192.0.2.0/24":    {route("192.0.2.0/24", "10.20.0.254", ib)},
		"198.51.100.0/24": {route("198.51.100.0/24", "2001:db8:a::fd", ia)},
		"203.0.113.0/24":  {route("203.0.113.0/24", "10.10.0.253", ia), route("203.0.113.0/24", "10.20.0.253", ib)},
		"2001:db8:f::/48": {route("2001:db8:f::/48", "2001:db8:a::1:1", ia), route("2001:db8:f::/48", "2001:db8:a::1:2", ia)},
	} {
		if got := routesTo(t, to); !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", to, got, want)
		}
	}
}

func TestOtherRoutesAreLeftOut(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	index := find(t, "lana").Index
	before, err := Routes()
	must(t, "list routes", err)
	for _, r := range before {
		if a := r.Destination.Addr(); a.IsLoopback() || a.IsMulticast() || r.Destination.IsSingleIP() {
			t.Errorf("%+v is of the local table or not unicast", r)
		}
	}
	for _, r := range []*netlink.Route{
		{Dst: network(t, "192.0.2.0/24"), LinkIndex: index, Table: 100},
		{Dst: network(t, "192.0.2.0/24"), LinkIndex: index, Table: 1000},
		{Dst: network(t, "192.0.2.0/24"), Type: unix.RTN_BLACKHOLE},
		{Dst: network(t, "198.51.100.0/24"), Type: unix.RTN_UNREACHABLE},
		{Dst: network(t, "2001:db8:f::/48"), Type: unix.RTN_PROHIBIT},
	} {
		addRoute(t, r)
		t.Cleanup(func() { _ = netlink.RouteDel(r) }) // Not all go with the interface.
	}
	after, err := Routes()
	must(t, "list routes", err)
	if !slices.Equal(before, after) {
		t.Errorf("got %+v, want %+v", after, before)
	}
}

// A route can point to a next hop that is an object of its own (ip-nexthop(8)).
// The kernel says what is in the object as well, so nothing more has to be read.
func TestRouteWithANextHopObject(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	index := find(t, "lana").Index
	const (
		id        = 7
		nextHopID = 30 // RTA_NH_ID, which package unix does not have
	)
	hop := encode(unix.Nhmsg{Family: unix.AF_INET, Protocol: unix.RTPROT_STATIC})
	hop = appendAttribute(hop, unix.NHA_ID, encode(uint32(id)))
	hop = appendAttribute(hop, unix.NHA_OIF, encode(uint32(index)))
	hop = appendAttribute(hop, unix.NHA_GATEWAY, []byte{10, 10, 0, 200})
	way := encode(unix.RtMsg{Family: unix.AF_INET, Dst_len: 24, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_STATIC, Type: unix.RTN_UNICAST})
	way = appendAttribute(way, unix.RTA_DST, []byte{192, 0, 2, 0})
	way = appendAttribute(way, nextHopID, encode(uint32(id)))
	nothing := func(message) bool { return true }
	const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL | unix.NLM_F_ACK
	must(t, "add a next hop", exchange(request(unix.RTM_NEWNEXTHOP, create, hop), nothing))
	must(t, "add a route", exchange(request(unix.RTM_NEWROUTE, create, way), nothing))
	if got, want := routesTo(t, "192.0.2.0/24"), []Route{route("192.0.2.0/24", "10.10.0.200", index)}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
