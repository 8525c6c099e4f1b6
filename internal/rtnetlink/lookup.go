package rtnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Path is the way that the kernel would send a packet.
type Path struct {
	Interface int        // index
	Gateway   netip.Addr // the zero Addr where the destination is on the link
	Broadcast bool       // the kernel would broadcast it on the link (RTN_BROADCAST)
	Local     bool       // it would stay on this host (RTN_LOCAL)
}

// Lookup asks, without sending anything, how a packet to an address would leave.
// An iface other than 0 is the index of the interface that it has to leave by, as
// of a socket that is bound to one (SO_BINDTODEVICE, IP_PKTINFO); the kernel then
// takes a destination that no route leads to for one on the link. A zone in the
// address is not looked at. The error wraps the kernel's errno, such as
// ENETUNREACH.
func Lookup(to netip.Addr, iface int) (Path, error) {
	path, err := lookup(to.Unmap(), iface)
	if err != nil {
		return Path{}, fmt.Errorf("look up the route to %s: %w", to, err)
	}
	return path, nil
}

func lookup(to netip.Addr, iface int) (Path, error) {
	if !to.IsValid() {
		return Path{}, errors.New("no address")
	}
	var path Path
	found := false
	err := exchange(request(unix.RTM_GETROUTE, 0, lookupBody(to, iface)), func(m message) (more bool) {
		if m.Type == unix.RTM_NEWROUTE {
			path, found = parsePath(m.body)
		}
		return !found
	})
	if err == nil && !found {
		err = errMalformed
	}
	return path, err
}

// lookupBody is the body of an RTM_GETROUTE that asks for one address, which is
// a prefix as long as it can be.
func lookupBody(to netip.Addr, iface int) []byte {
	header := unix.RtMsg{Family: unix.AF_INET, Dst_len: uint8(to.BitLen())}
	if to.Is6() {
		header.Family = unix.AF_INET6
	}
	body := appendAttribute(encode(header), unix.RTA_DST, to.AsSlice())
	if iface != 0 {
		body = appendAttribute(body, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(iface)))
	}
	return body
}

func parsePath(body []byte) (Path, bool) {
	header, rest, ok := cutRouteHeader(body)
	h := parseHop(header.Family, rest)
	return Path{
		Interface: h.index,
		Gateway:   h.gateway,
		Broadcast: header.Type == unix.RTN_BROADCAST,
		Local:     header.Type == unix.RTN_LOCAL,
	}, ok
}
