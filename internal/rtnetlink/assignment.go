package rtnetlink

import (
	"encoding/binary"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// assignment is one address of one interface.
type assignment struct {
	index  int
	prefix netip.Prefix
}

// readAssignments returns the usable addresses of all interfaces.
func readAssignments() ([]assignment, error) {
	everything := encode(unix.IfAddrmsg{})
	return dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, everything, math.MaxInt, parseAssignment)
}

// parseAssignment returns what the body of an RTM_NEWADDR describes, if that is
// a usable address of one of our two families; there are others, such as MCTP.
//
// IFA_LOCAL is the interface's own address wherever the two differ. IFA_ADDRESS
// is then the peer's, at the other end of a point-to-point link. IPv6 has
// IFA_LOCAL only if there is a peer.
func parseAssignment(body []byte) []assignment {
	var header unix.IfAddrmsg
	n, err := binary.Decode(body, binary.NativeEndian, &header)
	if err != nil {
		return nil
	}
	var local, other netip.Addr
	flags := uint32(header.Flags)
	for kind, value := range attributes(body[n:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local = address(header.Family, value)
		case unix.IFA_ADDRESS:
			other = address(header.Family, value)
		case unix.IFA_FLAGS: // all of them; the header has room for eight
			flags = number(value)
		}
	}
	if !local.IsValid() {
		local = other
	}
	prefix := netip.PrefixFrom(local, int(header.Prefixlen))
	if other.IsValid() && !prefix.Masked().Contains(other) {
		// The length is that of the peer's network, which is not the address's own.
		prefix = netip.PrefixFrom(local, local.BitLen())
	}
	if !prefix.IsValid() || !usable(flags) {
		return nil
	}
	return []assignment{{index: int(header.Index), prefix: prefix}}
}

// usable reports whether a packet can have the address as its source. While
// duplicate address detection (RFC 4862) asks the LAN for an IPv6 address, it
// cannot, unless it is optimistic (RFC 4429), and never if somebody answers.
func usable(flags uint32) bool {
	if flags&unix.IFA_F_DADFAILED != 0 {
		return false
	}
	return flags&unix.IFA_F_TENTATIVE == 0 || flags&unix.IFA_F_OPTIMISTIC != 0
}
