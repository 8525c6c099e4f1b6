package doctor

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"wolgate/internal/rtnetlink"
)

// route is how a packet to an address would leave where no interface is chosen for
// it. Asking the kernel covers what reading the routing table does not: rules,
// other tables, and a VPN that leaves the default route alone and puts 0.0.0.0/1
// and 128.0.0.0/1 before it.
type route struct {
	destination string // as configured, with its port; empty for 255.255.255.255
	to          netip.Addr
	path        rtnetlink.Path
	err         error // why there is no path
}

// findRoutes looks up the routes to the configured destinations, or else that to
// 255.255.255.255.
func (f facts) findRoutes() []route {
	if !f.fixed() {
		r := route{to: netip.AddrFrom4([4]byte{255, 255, 255, 255})}
		r.path, r.err = rtnetlink.Lookup(r.to, 0)
		return []route{r}
	}
	var routes []route
	for _, text := range f.interfaces[0].Destinations {
		to, err := netip.ParseAddrPort(text)
		if err != nil {
			continue
		}
		r := route{destination: text, to: to.Addr()}
		if zone, ok := rtnetlink.Zone(f.links, r.to.Zone()); ok {
			r.path, r.err = rtnetlink.Lookup(r.to.WithZone(""), zone)
		} else {
			r.err = errors.New("no such network interface")
		}
		routes = append(routes, r)
	}
	return routes
}

// routeTo returns the route to a configured destination, whatever its port.
func (f facts) routeTo(to netip.Addr) route {
	if i := slices.IndexFunc(f.routes, func(r route) bool { return r.destination != "" && r.to == to }); i >= 0 {
		return f.routes[i]
	}
	return route{}
}

// stays reports whether packets stay on this host.
func (r route) stays(l links) bool {
	return r.err == nil && (r.path.Local || l.at(r.path.Interface).Flags&net.FlagLoopback != 0)
}

// tunnel returns the tunnel that packets go into; its index is 0 if there is none.
func (r route) tunnel(l links) rtnetlink.Link {
	if out := l.at(r.path.Interface); r.err == nil && tunnel(out) {
		return out
	}
	return rtnetlink.Link{}
}

// text describes where packets go, such as "192.168.20.255 via 192.168.1.1 by eth0".
func (r route) text(l links) string {
	switch {
	case r.err != nil:
		return r.to.String() + ": " + errnoText(r.err)
	case r.stays(l):
		return r.to.String() + " stays on this host"
	}
	text := r.to.String()
	if r.path.Gateway.IsValid() {
		text += " via " + r.path.Gateway.String()
	}
	if r.path.Broadcast {
		text += " broadcast"
	}
	return text + " by " + l.at(r.path.Interface).Name
}

// errnoText returns the kernel's own text for an error, such as "network is
// unreachable".
func errnoText(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
