package rtnetlink

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// mostRoutes bounds what Routes returns of one family. A router with all routes
// of the Internet has a million, which would take seconds and 100 MB; a host has
// a handful.
const mostRoutes = 10_000

// Route is a unicast route of the main table.
type Route struct {
	Destination netip.Prefix // 0.0.0.0/0 or ::/0 for a default route
	Gateway     netip.Addr   // the zero Addr where the destination is on the link
	Interface   int          // index
}

// Routes returns the routes of this network namespace, those of IPv4 first. A
// route with several next hops counts as one for each.
//
// Of a family that has more than 10,000 it returns as many; the kernel chooses which.
// Lookup always knows all routes.
func Routes() ([]Route, error) {
	var all []Route
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		parse := func(body []byte) []Route { return parseRoute(family, body) }
		routes, err := dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, encode(unix.RtMsg{Family: family}), mostRoutes, parse)
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		all = append(all, routes...)
	}
	return all, nil
}

// cutRouteHeader returns the header of an RTM_NEWROUTE and the attributes after
// it.
func cutRouteHeader(body []byte) (header unix.RtMsg, rest []byte, ok bool) {
	n, err := binary.Decode(body, binary.NativeEndian, &header)
	return header, body[n:], err == nil
}

// parseRoute returns the routes that the body of an RTM_NEWROUTE describes, if
// they are of this family and such as Routes is about. A kernel that has not the
// family that was asked for answers with those that it has.
func parseRoute(family uint8, body []byte) []Route {
	header, rest, ok := cutRouteHeader(body)
	if !ok || header.Family != family || header.Type != unix.RTN_UNICAST {
		return nil
	}
	if header.Flags&unix.RTM_F_CLONED != 0 { // learned, such as from a redirect
		return nil
	}
	table := uint32(header.Table)
	to := netip.IPv4Unspecified() // A default route has no RTA_DST.
	if family == unix.AF_INET6 {
		to = netip.IPv6Unspecified()
	}
	var multipath []byte
	for kind, value := range attributes(rest) {
		switch kind {
		case unix.RTA_TABLE: // any number; the header has room for those below 256
			table = number(value)
		case unix.RTA_DST:
			to = address(family, value)
		case unix.RTA_MULTIPATH:
			multipath = value
		}
	}
	destination := netip.PrefixFrom(to, int(header.Dst_len))
	if table != unix.RT_TABLE_MAIN || !destination.IsValid() {
		return nil
	}
	hops := multipathHops(family, multipath)
	if multipath == nil {
		hops = []hop{parseHop(family, rest)}
	}
	var routes []Route
	for _, h := range hops {
		routes = append(routes, Route{Destination: destination, Gateway: h.gateway, Interface: h.index})
	}
	return routes
}
