package ratelimit

import "net/netip"

// Source returns what counts as one source: an IPv4 address, also where a
// socket for both families shows it inside an IPv6 one (RFC 4291 section
// 2.5.5.2), or the /64 around an IPv6 address. The host chooses the 64 bits below
// (RFC 4291 section 2.5.1), and privacy extensions change them every day
// (RFC 8981): counted by address, one machine would be 2^64 sources.
//
// All link-local neighbours are therefore one source. Any of them could take
// any of those addresses, so telling them apart would gain nothing. An invalid
// address is the zero Prefix, which is one source as well.
func Source(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil { // more bits than an address has, which 32 and 64 are not
		return netip.Prefix{}
	}
	return prefix
}
