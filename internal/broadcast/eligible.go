package broadcast

import (
	"net"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// judge returns for every link, by index, why it is not eligible; "" where it
// is: up and running, able to broadcast, neither loopback nor point-to-point, on a LAN,
// and wanted by the operator.
func judge(links []rtnetlink.Link, want Selection) map[int]wol.Why {
	hardware := rtnetlink.Hardware(links)
	verdicts := make(map[int]wol.Why, len(links))
	forwards := map[int]bool{} // what sends for its ports
	for _, l := range links {
		why := judgeOne(l, want, hardware)
		if why == "" && l.Kind == "bridge" {
			why = judgeBridge(links, l.Index, want, hardware)
		}
		verdicts[l.Index] = why
		forwards[l.Index] = why == "" && l.HasPorts()
	}
	for _, l := range links {
		if verdicts[l.Index] == "" && forwards[l.Master] {
			verdicts[l.Index] = wol.Port
		}
	}
	return verdicts
}

func judgeOne(l rtnetlink.Link, want Selection, hardware bool) wol.Why {
	switch refused := want.refuses(l.Names()); {
	case l.Flags&net.FlagLoopback != 0:
		return wol.Loopback
	case l.Flags&net.FlagPointToPoint != 0:
		return wol.PointToPoint
	case refused != "":
		return refused
	case l.Flags&net.FlagBroadcast == 0:
		return wol.NoBroadcast
	case l.NoARP:
		return wol.NoARP
	case len(want.Only) == 0 && l.OffLAN(hardware):
		return wol.OffLAN
	case l.Flags&net.FlagUp == 0:
		return wol.Down
	case !l.Running():
		return wol.NoCarrier
	default:
		return ""
	}
}

// judgeBridge looks at the ports of a running bridge. The kernel may call one without
// ports running, and any port that runs, even a guest's, makes the whole bridge run. A
// bridge that the operator has named may be meant for guests.
func judgeBridge(links []rtnetlink.Link, index int, want Selection, hardware bool) wol.Why {
	ports, uplinks, alive := 0, 0, false
	for _, port := range links {
		if port.Master != index {
			continue
		}
		ports++
		if !port.GuestPort(hardware) {
			uplinks++
			alive = alive || port.Running()
		}
	}
	switch {
	case ports == 0:
		return wol.BridgeWithoutPorts
	case len(want.Only) > 0 || alive:
		return ""
	case uplinks == 0:
		return wol.OffLAN
	default:
		return wol.NoCarrier
	}
}

// transient reports whether a reason may pass by itself, so that packets are missing on
// that interface meanwhile.
func transient(why wol.Why) bool {
	switch why {
	case wol.Down, wol.NoCarrier, wol.BridgeWithoutPorts, wol.Missing:
		return true
	default:
		return false
	}
}

// explain puts a reason into words, and returns what to do about it where anything can
// be done.
func explain(why wol.Why, name string) (reason, cure string) {
	switch why {
	case wol.Loopback:
		return "leads to no other host", ""
	case wol.PointToPoint:
		return "point-to-point, it has no broadcast", "run a wol-server at its other end"
	case wol.NotNamed:
		return "not named by --interfaces", "name it there if computers to wake are on it"
	case wol.Excluded:
		return "excluded by --exclude-interfaces", "name it in --interfaces if computers to wake are on it"
	case wol.OffLAN:
		return "an overlay, or it leads to containers and virtual machines only", "name it in --interfaces if computers to wake are on it"
	case wol.NoBroadcast:
		return "not capable of broadcast", "use another network card"
	case wol.NoARP:
		return "without ARP, its broadcasts would have no address", "if it leads to a LAN, switch ARP on: ip link set " + name + " arp on"
	case wol.Down:
		return "network is down", "switch it on: ip link set " + name + " up"
	case wol.NoCarrier:
		return "no carrier", "plug its cable in at both ends and switch on what it leads to"
	case wol.BridgeWithoutPorts:
		return "bridge without ports", "give it the network card as a port: ip link set CARD master " + name + "; or name it in --exclude-interfaces"
	case wol.Port:
		return "port of a bridge or bond that sends for it", ""
	case wol.Missing:
		return "no such network interface", "plug it in, or correct --interfaces"
	default:
		return "", ""
	}
}
