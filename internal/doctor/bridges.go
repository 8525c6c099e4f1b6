package doctor

import (
	"net"
	"slices"
	"strings"

	"wolgate/internal/wol"
)

// bridges finds bridges that packets are sent by although no LAN is behind them. One
// running port, even a guest's, makes the kernel call the whole bridge running.
func (f facts) bridges() []wol.Finding {
	var list []wol.Finding
	for _, index := range f.sentBy() {
		bridge, ports := f.links.at(index), f.links.ports(index)
		uplinks, _ := f.links.uplinks(index)
		if bridge.Kind != "bridge" || slices.ContainsFunc(uplinks, f.links.runs) {
			continue
		}
		found := wol.Finding{
			Code: string(wol.NoCarrier), Interface: bridge.Name,
			Cure: "give the bridge a card that is on the LAN: sudo ip link set CARD master " + shellWord(bridge.Name) + "; if it is for guests only, name it in --exclude-interfaces",
		}
		switch {
		case len(uplinks) > 0:
			unplugged, down := f.links.dead(uplinks)
			var lack details
			for _, name := range unplugged {
				lack.add("no carrier", name)
			}
			for _, name := range down {
				lack.add("switched off", name)
			}
			found.Message = "of the uplinks of this bridge, none is running (" + lack.String() + "): only guests hear what is sent there"
			found.Cure = repairs(unplugged, down) + ", or " + found.Cure
		case len(ports) > 0:
			found.Message = "the ports of this bridge all lead to guests (" + strings.Join(f.links.names(ports), ", ") + "): only guests hear what is sent there"
		default:
			found.Code = string(wol.BridgeWithoutPorts)
			found.Message = "this bridge has no ports: nobody hears what is sent there"
		}
		list = append(list, found)
	}
	return list
}

// sentBy returns the interfaces that packets are sent by.
func (f facts) sentBy() []int {
	var list []int
	if !f.fixed() {
		for _, i := range f.eligible() {
			list = append(list, f.links.named(i.Name).Index)
		}
		return list
	}
	for _, r := range f.routes {
		if r.err == nil && !slices.Contains(list, r.path.Interface) {
			list = append(list, r.path.Interface)
		}
	}
	return list
}

// dead sorts interfaces that are not running by the reason.
func (l links) dead(indexes []int) (unplugged, down []string) {
	for _, index := range indexes {
		if one := l.at(index); one.Flags&net.FlagUp == 0 {
			down = append(down, one.Name)
		} else {
			unplugged = append(unplugged, one.Name)
		}
	}
	return unplugged, down
}
