package doctor

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"wolgate/internal/rtnetlink"
)

// way is how a packet to an address would leave where no interface is chosen for
// it. Asking the kernel covers what reading the routing table does not: rules,
// other tables, and a VPN that leaves the default route alone and puts 0.0.0.0/1
// and 128.0.0.0/1 before it.
type way struct {
	destination string // as configured, with its port; empty for 255.255.255.255
	to          netip.Addr
	path        rtnetlink.Path
	err         error // why there is no path
}

// findWays looks the ways of the configured destinations up, or else that of
// 255.255.255.255.
func (f facts) findWays() []way {
	if !f.fixed() {
		w := way{to: netip.AddrFrom4([4]byte{255, 255, 255, 255})}
		w.path, w.err = rtnetlink.Lookup(w.to, 0)
		return []way{w}
	}
	var ways []way
	for _, text := range f.interfaces[0].Destinations {
		to, err := netip.ParseAddrPort(text)
		if err != nil {
			continue
		}
		w := way{destination: text, to: to.Addr()}
		if zone, ok := rtnetlink.Zone(f.links, w.to.Zone()); ok {
			w.path, w.err = rtnetlink.Lookup(w.to.WithZone(""), zone)
		} else {
			w.err = errors.New("no such network interface")
		}
		ways = append(ways, w)
	}
	return ways
}

// wayOf returns the way of a configured destination, whatever port it is sent to.
func (f facts) wayOf(to netip.Addr) way {
	if i := slices.IndexFunc(f.ways, func(w way) bool { return w.destination != "" && w.to == to }); i >= 0 {
		return f.ways[i]
	}
	return way{}
}

// stays says whether packets stay on this host.
func (w way) stays(l links) bool {
	return w.err == nil && (w.path.Local || l.at(w.path.Interface).Flags&net.FlagLoopback != 0)
}

// tunnel returns the tunnel that packets go into; its index is 0 if there is none.
func (w way) tunnel(l links) rtnetlink.Link {
	if out := l.at(w.path.Interface); w.err == nil && tunnel(out) {
		return out
	}
	return rtnetlink.Link{}
}

// text says where packets go, such as "192.168.20.255 via 192.168.1.1 by eth0".
func (w way) text(l links) string {
	switch {
	case w.err != nil:
		return w.to.String() + ": " + plain(w.err)
	case w.stays(l):
		return w.to.String() + " stays on this host"
	}
	text := w.to.String()
	if w.path.Gateway.IsValid() {
		text += " via " + w.path.Gateway.String()
	}
	if w.path.Broadcast {
		text += " broadcast"
	}
	return text + " by " + l.at(w.path.Interface).Name
}

// plain returns the kernel's own word for an error, such as "network is
// unreachable".
func plain(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
