package rtnetlink

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// looks is one lookup and its result.
type looks struct {
	to    string
	iface int
	path  Path
	err   error
}

func (l looks) check(t *testing.T) {
	t.Helper()
	if got, err := Lookup(netip.MustParseAddr(l.to), l.iface); got != l.path || !errors.Is(err, l.err) {
		t.Errorf("%s by %d: got %+v, %v, want %+v, %v", l.to, l.iface, got, err, l.path, l.err)
	}
}

func TestLookup(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24", "10.10.1.0/31", "2001:db8::1/64")
	b := lantest.New(t, "lanb", "10.20.0.1/16")
	ia, ib := find(t, "lana").Index, find(t, "lanb").Index
	const everybody = "255.255.255.255"
	via := func(gateway string) Path { return Path{Interface: ia, Gateway: netip.MustParseAddr(gateway)} }
	for _, l := range []looks{
		{"10.10.0.255", 0, Path{Interface: ia, Broadcast: true}, nil},
		{"10.10.0.255", ia, Path{Interface: ia, Broadcast: true}, nil},
		{"10.20.255.255", 0, Path{Interface: ib, Broadcast: true}, nil},
		{"10.20.0.255", 0, Path{Interface: ib}, nil},
		{"10.10.0.7", 0, Path{Interface: ia}, nil},
		{"10.10.1.1", 0, Path{Interface: ia}, nil}, // a /31 has no broadcast
		{"2001:db8::7", 0, Path{Interface: ia}, nil},
		{"ff02::1", ib, Path{Interface: ib}, nil},
		{"fe80::7", ib, Path{Interface: ib}, nil},
		{everybody, 0, Path{}, unix.ENETUNREACH},
		{everybody, ib, Path{Interface: ib, Broadcast: true}, nil},
		{"192.0.2.1", 0, Path{}, unix.ENETUNREACH},
		{"2001:db8:f::1", 0, Path{}, unix.ENETUNREACH},
		{"192.0.2.1", ib, Path{Interface: ib}, nil}, // as if on the link
	} {
		l.check(t)
	}
	a.DefaultRoute()
	addRoute(t, &netlink.Route{Dst: network(t, "::/0"), LinkIndex: ia, Gw: net.ParseIP("fe80::fe")})
	addRoute(t, &netlink.Route{Dst: network(t, "198.51.100.0/24"), LinkIndex: ia,
		Via: &netlink.Via{AddrFamily: netlink.FAMILY_V6, Addr: net.ParseIP("2001:db8::fd")}})
	for _, l := range []looks{
		{everybody, 0, Path{Interface: ia, Broadcast: true}, nil},
		{everybody, ib, Path{Interface: ib, Broadcast: true}, nil},
		{"192.0.2.1", 0, via("10.10.0.254"), nil},
		{"::ffff:192.0.2.1", 0, via("10.10.0.254"), nil},
		{"192.0.2.1", ib, Path{Interface: ib}, nil},
		{"2001:db8:f::1", 0, via("fe80::fe"), nil},
		{"198.51.100.255", 0, via("2001:db8::fd"), nil},
	} {
		l.check(t)
	}
	b.Down()
	looks{"10.20.255.255", ib, Path{}, unix.ENETUNREACH}.check(t)
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
	looks{"127.255.255.255", 0, Path{Interface: find(t, "lo").Index, Broadcast: true}, nil}.check(t)
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
		looks{to, 0, Path{}, want.errno}.check(t)
	}
	looks{"192.0.2.2", 1_000_000, Path{}, unix.ENODEV}.check(t)
	if _, err := Lookup(netip.Addr{}, 0); err == nil {
		t.Error("the zero address has a path")
	}
}

// TestLookUpNeighbour has a host that does not answer, and then does.
func TestLookUpNeighbour(t *testing.T) {
	lan := lantest.New(t, "lana", "10.10.0.1/24")
	index, host := find(t, "lana").Index, netip.MustParseAddr("10.10.0.7")
	for setting, value := range map[string]string{"mcast_solicit": "1", "retrans_time_ms": "200"} {
		err := os.WriteFile("/proc/sys/net/ipv4/neigh/lana/"+setting, []byte(value), 0)
		if !errors.Is(err, os.ErrNotExist) { // some kernels hide it here, and it takes three seconds
			must(t, "shorten "+setting, err)
		}
	}
	knows := func(want Neighbour) bool {
		got, err := LookUpNeighbour(host, index)
		must(t, "look up", err)
		return got == want
	}
	send := func() {
		conn, err := net.Dial("udp", "10.10.0.7:9")
		must(t, "dial", err)
		defer conn.Close()
		_, err = conn.Write([]byte{0})
		must(t, "write", err)
	}
	if !knows(Unknown) {
		t.Error("known before anything was sent")
	}
	send()
	if !knows(Asked) {
		t.Error("not asked")
	}
	eventually(t, "it is silent", func() bool { return knows(Silent) })
	lan.FarAddress("10.10.0.7/24")
	send()
	eventually(t, "it has answered", func() bool { return knows(Known) })
}
