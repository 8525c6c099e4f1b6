package gateway

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzClientAddress reads what a client, and the proxies before us, could have
// written. Nobody but a trusted proxy decides the address, and it only by the hop
// that it has added.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []struct{ peer, forwarded string }{
		{"10.0.0.1", "203.0.113.7"}, {"10.0.0.1", "1.1.1.1, 203.0.113.7, 10.1.2.3"}, {"203.0.113.7", "1.1.1.1"}, {"10.0.0.1", "unknown"},
		{"10.0.0.1", "::1%eth0"}, {"fd00::1", "[2001:db8::1]:80"}, {"::ffff:10.0.0.1", "::ffff:203.0.113.7"}, {"10.0.0.1", strings.Repeat("10.0.0.1,", 500)},
		{"10.0.0.1", ",,"}, {"10.0.0.1", "10.0.0.1\x00"}, {"", "203.0.113.7"}, {"fe80::1%eth0", "1.1.1.1"}, {"10.0.0.1", "010.0.0.1"},
	} {
		f.Add(seed.peer, seed.forwarded)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	isProxy := func(a netip.Addr) bool { return trusted[0].Contains(a) || trusted[1].Contains(a) }
	f.Fuzz(func(t *testing.T, peerText, forwarded string) {
		peer, _ := netip.ParseAddr(peerText) // what is none is a peer without an address
		hops := strings.Split(forwarded, ",")
		got := origin(peer, hops, trusted)
		plain := peer.Unmap().WithZone("")
		if got.Zone() != "" || got.Is4In6() {
			t.Fatalf("%v has a second spelling", got)
		}
		if !isProxy(plain) && got != plain {
			t.Fatalf("a stranger at %v became %v", plain, got)
		}
		if none := origin(peer, hops, nil); none != plain {
			t.Fatalf("nobody is trusted, and %v became %v", plain, none)
		}
		// What anybody puts in front of the chain changes nothing, unless all of the
		// chain are proxies.
		if forged := origin(peer, append([]string{"198.51.100.1"}, hops...), trusted); forged != got && !isProxy(got) {
			t.Fatalf("a forged hop turned %v into %v", got, forged)
		}
	})
}
