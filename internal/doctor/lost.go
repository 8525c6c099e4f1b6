package doctor

import (
	"fmt"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// tunnels is about packets that go into a VPN or a modem, which have no
// broadcast: the kernel takes them, and nobody hears them.
func (f facts) tunnels() []wol.Finding {
	var list []wol.Finding
	for _, w := range f.ways {
		out := w.tunnel(f.links)
		switch {
		case out.Index == 0:
		case w.destination == "":
			list = append(list, wol.Finding{
				Code: vpn, Interface: out.Name,
				Message: fmt.Sprintf("what is sent to 255.255.255.255 by the routing table alone goes into %s, %s; wol-server chooses the interfaces of its broadcasts itself, so they are not affected, but those of other programs are lost, and --destinations that are on none of this host's LANs would be", out.Name, what(out)),
				Cure:    "leave --destinations empty, and give other programs the LAN's own broadcast address, such as 192.168.1.255",
			})
		default:
			list = append(list, wol.Finding{
				Code: vpn, Interface: out.Name,
				Message: fmt.Sprintf("packets to %s go into %s, %s, and are lost there unless the router at its other end forwards them as broadcasts", w.destination, out.Name, what(out)),
				Cure:    "leave --destinations empty for the LANs of this host, and run a wol-server at the other end for the LANs that are there",
			})
		}
	}
	return list
}

// unroutable is about configured destinations that packets cannot even be sent to.
func (f facts) unroutable() []wol.Finding {
	var list []wol.Finding
	for _, w := range f.ways {
		if w.destination == "" || w.err == nil || f.links == nil { // who tells of no interface, tells of no route
			continue
		}
		cure := "correct --destinations, or add a route that leads there"
		if w.to.Zone() != "" {
			cure = "correct --destinations: behind the % stands an interface of this host, as ip -br link lists them"
		}
		list = append(list, wol.Finding{Code: noRoute, Message: "packets to " + w.destination + " cannot leave: " + plain(w.err), Cure: cure})
	}
	return list
}

func what(l rtnetlink.Link) string {
	switch l.Kind {
	case "ppp":
		return "a line of a modem or a VPN"
	case "wireguard":
		return "a WireGuard tunnel"
	default:
		return "a tunnel"
	}
}

func (f facts) local() []wol.Finding {
	var list []wol.Finding
	for _, w := range f.ways {
		if w.stays(f.links) {
			list = append(list, wol.Finding{
				Code:    localOnly,
				Message: fmt.Sprintf("packets to %s stay on this host and reach no LAN", w.destination),
				Cure:    "put the broadcast address of a LAN in its place in --destinations, such as 192.168.1.255, or leave --destinations empty",
			})
		}
	}
	return list
}

func (f facts) raw() []wol.Finding {
	if f.rawRefused == "" {
		return nil
	}
	return []wol.Finding{{
		Code:    rawRefused,
		Message: "raw frames (EtherType 0x0842) are not sent: " + f.rawRefused,
		Cure:    "give wol-server the capability CAP_NET_RAW, such as by AmbientCapabilities=CAP_NET_RAW in its systemd unit, or leave --raw off",
	}}
}
