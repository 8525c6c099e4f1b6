package apiserver

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// proxies takes the peers whose X-Forwarded-For is believed.
func proxies(into *[]netip.Prefix) func(string) error {
	return func(text string) error {
		*into = nil
		for _, field := range list(text) {
			p, err := netip.ParsePrefix(field)
			if a, addrErr := netip.ParseAddr(field); addrErr == nil && a.Zone() == "" {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
			if err != nil {
				return fmt.Errorf("holds %q: write CIDRs or addresses with commas, such as 172.18.0.0/16", field)
			}
			if p.Addr().Is4In6() {
				return fmt.Errorf("holds %q, which is an IPv4 address in the words of IPv6: write it as 172.18.0.0/16", field)
			}
			*into = append(*into, p.Masked())
		}
		if everybody(*into) {
			return errors.New("covers every address, so that everybody is believed: name your proxy's own address")
		}
		return nil
	}
}

// everybody reports whether list covers every client that IPv4 or IPv6 can have, in one
// prefix or in several. No client has an address in 224.0.0.0/3, which is multicast and
// reserved; the global ones of IPv6 are in 2000::/3 (RFC 4291 section 2.4).
func everybody(list []netip.Prefix) bool {
	four := covered(netip.MustParsePrefix("0.0.0.0/1"), list) &&
		covered(netip.MustParsePrefix("128.0.0.0/2"), list) &&
		covered(netip.MustParsePrefix("192.0.0.0/3"), list)
	return four || covered(netip.MustParsePrefix("2000::/3"), list)
}

// covered reports whether every address of p is in list.
func covered(p netip.Prefix, list []netip.Prefix) bool {
	within := func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Overlaps(p) }
	if slices.ContainsFunc(list, within) {
		return true
	}
	if !slices.ContainsFunc(list, p.Overlaps) {
		return false
	}
	half := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	other, _ := netip.AddrFromSlice(bytes)
	return covered(half, list) && covered(netip.PrefixFrom(other, p.Bits()+1), list)
}
