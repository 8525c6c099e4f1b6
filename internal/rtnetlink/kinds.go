package rtnetlink

import (
	"net"
	"slices"
)

// Overlay reports whether the kind of the interface shows that what is sent there goes
// into a tunnel, to a program or to other hosts by way of IP, and not to a LAN of this
// host. A new engine has a new name for its interface, and the same kind.
func (l Link) Overlay() bool {
	switch l.Kind {
	case "vxlan", "geneve", "bareudp", "gretap", "ip6gretap", "erspan", "ip6erspan", "l2tpeth", // Ethernet over IP
		"gre", "ip6gre", "ipip", "ip6tnl", "sit", "vti", "vti6", "xfrm", "wireguard", "ovpn", "amt", "gtp",
		"tun": // TUN and TAP: a program is at the other end
		return true
	default:
		return false
	}
}

// OffLAN reports whether what is sent by the interface reaches no LAN of this host: it is
// an overlay, or one end of a pair whose other end is in a container. In a namespace without
// hardware the pair may be how that namespace itself is on the LAN.
func (l Link) OffLAN(hardware bool) bool { return l.Overlay() || hardware && l.PeerAway }

// GuestPort reports whether a port of a bridge leads to a virtual machine, to a container
// or into an overlay. Names tell what the kind does not: Xen's ports look like hardware,
// and the other end of a pair may be another bridge of this host.
func (l Link) GuestPort(hardware bool) bool { return l.OffLAN(hardware) || named(l.Name, guestPorts) }

// Hardware reports whether one of the interfaces is a network card, also that of a virtual
// machine.
func Hardware(links []Link) bool {
	return slices.ContainsFunc(links, func(l Link) bool {
		return l.Kind == "" && l.Flags&net.FlagLoopback == 0 && !named(l.Name, guestPorts)
	})
}
