package rtnetlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// hop is where a route leads next.
type hop struct {
	index   int        // of the interface
	gateway netip.Addr // the zero Addr where the destination is on the link
}

// parseHop picks the next hop from a route's attributes.
func parseHop(family uint8, b []byte) hop {
	var h hop
	for kind, value := range attributes(b) {
		switch kind {
		case unix.RTA_OIF:
			h.index = int(number(value))
		case unix.RTA_GATEWAY:
			h.gateway = address(family, value)
		case unix.RTA_VIA:
			h.gateway = via(value)
		}
	}
	return h
}

// via reads a gateway of another family than the route's, as that of an IPv4
// route through a network that has only IPv6 (RFC 5549). A struct rtvia is the
// family, as a 16-bit number, and the address.
func via(value []byte) netip.Addr {
	const size = 2
	if len(value) < size {
		return netip.Addr{}
	}
	return address(uint8(binary.NativeEndian.Uint16(value)), value[size:])
}

// multipathHops picks the next hops of a route that has several from its
// RTA_MULTIPATH: each is a struct rtnexthop, which has the interface, and the
// attributes that belong to it. It ends at the first that is not whole.
func multipathHops(family uint8, b []byte) []hop {
	var hops []hop
	for {
		var header unix.RtNexthop
		n, err := binary.Decode(b, binary.NativeEndian, &header)
		size := int(header.Len)
		if err != nil || size < n || size > len(b) {
			return hops
		}
		h := parseHop(family, b[n:size])
		h.index = int(header.Ifindex)
		hops = append(hops, h)
		b = b[min(align(size), len(b)):]
	}
}
