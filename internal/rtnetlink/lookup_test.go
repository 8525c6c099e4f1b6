package rtnetlink

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// leads checks one lookup that succeeds.
func leads(t *testing.T, to string, iface int, want Path) {
	t.Helper()
	got, err := Lookup(netip.MustParseAddr(to), iface)
	if err != nil || got != want {
		t.Errorf("%s by %d: got %+v, %v, want %+v", to, iface, got, err, want)
	}
}

// fails checks one lookup that does not.
func fails(t *testing.T, to string, iface int, want error) {
	t.Helper()
	if got, err := Lookup(netip.MustParseAddr(to), iface); !errors.Is(err, want) {
		t.Errorf("%s by %d: got %+v, %v, want %v", to, iface, got, err, want)
	}
}

func TestLookupOnTheLink(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24", "10.10.1.0/31", "2001:db8::1/64")
	b := lantest.New(t, "lanb", "10.20.0.1/16")
	ia, ib := find(t, "lana").Index, find(t, "lanb").Index
	leads(t, "10.10.0.255", 0, Path{Interface: ia, Broadcast: true})
	leads(t, "10.20.255.255", 0, Path{Interface: ib, Broadcast: true})
	leads(t, "10.20.0.255", 0, Path{Interface: ib})
	leads(t, "10.10.0.7", 0, Path{Interface: ia})
	leads(t, "10.10.1.1", 0, Path{Interface: ia}) // A /31 has no broadcast.
	leads(t, "2001:db8::7", 0, Path{Interface: ia})
	leads(t, "ff02::1", ib, Path{Interface: ib})
	leads(t, "fe80::7", ib, Path{Interface: ib})
	leads(t, "10.10.0.255", ia, Path{Interface: ia, Broadcast: true})
	b.Down()
	fails(t, "10.20.255.255", 0, unix.ENETUNREACH)
	fails(t, "10.20.255.255", ib, unix.ENETUNREACH)
}

func TestLookupOfTheLimitedBroadcast(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24")
	b := lantest.New(t, "lanb", "10.20.0.1/24")
	ia, ib := find(t, "lana").Index, find(t, "lanb").Index
	const everybody = "255.255.255.255"
	fails(t, everybody, 0, unix.ENETUNREACH)
	leads(t, everybody, ib, Path{Interface: ib, Broadcast: true})
	a.DefaultRoute()
	leads(t, everybody, 0, Path{Interface: ia, Broadcast: true})
	leads(t, everybody, ib, Path{Interface: ib, Broadcast: true})
	b.DefaultRoute()
	leads(t, everybody, 0, Path{Interface: ib, Broadcast: true})
}

func TestLookupOffTheLink(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24", "2001:db8::1/64")
	lantest.New(t, "lanb", "10.20.0.1/24")
	ia, ib := find(t, "lana").Index, find(t, "lanb").Index
	fails(t, "192.0.2.1", 0, unix.ENETUNREACH)
	fails(t, "2001:db8:f::1", 0, unix.ENETUNREACH)
	leads(t, "192.0.2.1", ib, Path{Interface: ib}) // as if on the link
	a.DefaultRoute()
	leads(t, "192.0.2.1", 0, Path{Interface: ia, Gateway: netip.MustParseAddr("10.10.0.254")})
	leads(t, "::ffff:192.0.2.1", 0, Path{Interface: ia, Gateway: netip.MustParseAddr("10.10.0.254")})
	leads(t, "192.0.2.1", ib, Path{Interface: ib})
	addRoute(t, &netlink.Route{Dst: network(t, "::/0"), LinkIndex: ia, Gw: net.ParseIP("fe80::fe")})
	leads(t, "2001:db8:f::1", 0, Path{Interface: ia, Gateway: netip.MustParseAddr("fe80::fe")})
	addRoute(t, &netlink.Route{Dst: network(t, "198.51.100.0/24"), LinkIndex: ia,
		Via: &netlink.Via{AddrFamily: netlink.FAMILY_V6, Addr: net.ParseIP("2001:db8::fd")}})
	leads(t, "198.51.100.255", 0, Path{Interface: ia, Gateway: netip.MustParseAddr("2001:db8::fd")})
}

func TestLookupOfThisHost(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24", "2001:db8::1/64")
	// The kernel adds the local route of an IPv6 address a moment after the address.
	eventually(t, "2001:db8::1 is this host's", func() bool {
		got, err := Lookup(netip.MustParseAddr("2001:db8::1"), 0)
		must(t, "look up", err)
		return got.Local
	})
	for _, to := range []string{"127.0.0.1", "10.10.0.1", "::1", "2001:db8::1"} {
		if got, err := Lookup(netip.MustParseAddr(to), 0); err != nil || !got.Local || got.Broadcast || got.Gateway.IsValid() {
			t.Errorf("%s: got %+v, %v", to, got, err)
		}
	}
	leads(t, "127.255.255.255", 0, Path{Interface: find(t, "lo").Index, Broadcast: true})
}

func TestLookupIsRefused(t *testing.T) {
	lantest.Require(t)
	for to, want := range map[string]struct {
		kind  int
		errno unix.Errno
	}{
		"192.0.2.1":     {unix.RTN_BLACKHOLE, unix.EINVAL},
		"198.51.100.1":  {unix.RTN_UNREACHABLE, unix.EHOSTUNREACH},
		"203.0.113.1":   {unix.RTN_PROHIBIT, unix.EACCES},
		"2001:db8::1":   {unix.RTN_BLACKHOLE, unix.EINVAL},
		"2001:db8:1::1": {unix.RTN_UNREACHABLE, unix.EHOSTUNREACH},
		"2001:db8:2::1": {unix.RTN_PROHIBIT, unix.EACCES},
	} {
		a := netip.MustParseAddr(to)
		r := &netlink.Route{Dst: network(t, netip.PrefixFrom(a, a.BitLen()).String()), Type: want.kind}
		addRoute(t, r)
		t.Cleanup(func() { must(t, "delete route", netlink.RouteDel(r)) })
		fails(t, to, 0, want.errno)
	}
	fails(t, "192.0.2.2", 1_000_000, unix.ENODEV)
	if _, err := Lookup(netip.Addr{}, 0); err == nil {
		t.Error("the zero address has a path")
	}
}
