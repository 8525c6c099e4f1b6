package doctor

import (
	"fmt"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// tunnels finds packets that go into a VPN or a modem, which have no broadcast: the
// kernel takes them, and no LAN hears them.
func (f facts) tunnels() []wol.Finding {
	var list []wol.Finding
	for _, r := range f.routes {
		out := r.tunnel(f.links)
		switch {
		case out.Index == 0:
		case r.destination == "":
			list = append(list, wol.Finding{
				Code: vpn, Interface: out.Name,
				Message: fmt.Sprintf("what is sent to 255.255.255.255 by the routing table alone goes into %s, %s; wol-server chooses the interfaces of its broadcasts itself, so they are not affected, but those of other programs are lost, and --destinations that are on none of this host's LANs would be", out.Name, tunnelKind(out)),
				Cure:    "leave --destinations empty, and give other programs the LAN's own broadcast address, such as 192.168.1.255",
			})
		default:
			list = append(list, wol.Finding{
				Code: vpn, Interface: out.Name,
				Message: fmt.Sprintf("packets to %s go into %s, %s, and are lost there unless the router at its other end forwards them as broadcasts", r.destination, out.Name, tunnelKind(out)),
				Cure:    "leave --destinations empty for the LANs of this host, and run a wol-server at the other end for the LANs that are there",
			})
		}
	}
	return list
}

// unroutable finds configured destinations that packets cannot even be sent to.
func (f facts) unroutable() []wol.Finding {
	var list []wol.Finding
	for _, r := range f.routes {
		if r.destination == "" || r.err == nil || f.links == nil { // without the interfaces, the error is no evidence
			continue
		}
		cure := "correct --destinations, or add a route that leads there"
		if r.to.Zone() != "" {
			cure = "correct --destinations: after the % write an interface of this host, as ip -br link lists them"
		}
		list = append(list, wol.Finding{Code: noRoute, Message: "packets to " + r.destination + " cannot leave: " + errnoText(r.err), Cure: cure})
	}
	return list
}

// tunnelKind describes a tunnel for a sentence.
func tunnelKind(l rtnetlink.Link) string {
	switch l.Kind {
	case "ppp":
		return "a line of a modem or a VPN"
	case "wireguard":
		return "a WireGuard tunnel"
	default:
		return "a tunnel"
	}
}

// local finds configured destinations that are this host itself.
func (f facts) local() []wol.Finding {
	var list []wol.Finding
	for _, r := range f.routes {
		if r.stays(f.links) {
			list = append(list, wol.Finding{
				Code:    localOnly,
				Message: fmt.Sprintf("packets to %s stay on this host and reach no LAN", r.destination),
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
		Cure:    "give wol-server the capability CAP_NET_RAW, such as by AmbientCapabilities=CAP_NET_RAW in its systemd unit, or omit --raw",
	}}
}
