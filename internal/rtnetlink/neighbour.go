package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Neighbour is what the kernel knows of a host on the link.
type Neighbour int

// What is known of a neighbour.
const (
	Unknown Neighbour = iota // the kernel has not asked, or has forgotten
	Asked                    // it asks now, and nobody has answered so far (NUD_INCOMPLETE)
	Silent                   // it asked, and nobody answered (NUD_FAILED)
	Known                    // a link-layer address is known: packets leave
)

// LookUpNeighbour asks, without sending anything, what is known of the host with this
// address on the link of an interface. Kernels before 5.0 do not answer.
func LookUpNeighbour(to netip.Addr, iface int) (Neighbour, error) {
	header := unix.NdMsg{Family: unix.AF_INET, Ifindex: int32(iface)}
	if to.Is6() {
		header.Family = unix.AF_INET6
	}
	body := appendAttribute(encode(header), unix.NDA_DST, to.AsSlice())
	found := Unknown
	err := exchange(request(unix.RTM_GETNEIGH, 0, body), func(m message) (more bool) {
		if m.Type == unix.RTM_NEWNEIGH {
			found = parseNeighbour(m.body)
		}
		return m.Type != unix.RTM_NEWNEIGH
	})
	if errors.Is(err, unix.ENOENT) {
		return Unknown, nil
	}
	if err != nil {
		return Unknown, fmt.Errorf("look up the neighbour %s: %w", to, err)
	}
	return found, nil
}

// parseNeighbour reads the body of an RTM_NEWNEIGH.
func parseNeighbour(body []byte) Neighbour {
	var header unix.NdMsg
	if _, err := binary.Decode(body, binary.NativeEndian, &header); err != nil {
		return Unknown
	}
	switch header.State {
	case unix.NUD_NONE:
		return Unknown
	case unix.NUD_INCOMPLETE:
		return Asked
	case unix.NUD_FAILED:
		return Silent
	default:
		return Known
	}
}
