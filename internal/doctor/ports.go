package doctor

import "wolgate/internal/rtnetlink"

// uplinks returns the interfaces by which a packet reaches a LAN when it is sent by the
// one with this index: the ports of a bridge or bond, except those that lead to guests or
// into overlays, and else the interface itself. They are not known if the interface has
// gone, nor for one of Open vSwitch, whose ports name another interface as their master.
func (l links) uplinks(index int) (uplinks []int, known bool) {
	out := l.at(index)
	if !out.HasPorts() {
		return []int{index}, out.Index != 0
	}
	hardware := rtnetlink.Hardware(l)
	for _, port := range l.ports(index) {
		if !l.at(port).GuestPort(hardware) {
			uplinks = append(uplinks, port)
		}
	}
	return uplinks, len(uplinks) > 0 || out.Kind == "bridge"
}

func (l links) ports(index int) []int {
	var ports []int
	for _, one := range l {
		if one.Master == index {
			ports = append(ports, one.Index)
		}
	}
	return ports
}

// floods reports whether a broadcast leaves by every port of an interface: a bridge
// sends it by each, a bond by one that it chooses.
func floods(l rtnetlink.Link) bool { return l.Kind == "bridge" }

func (l links) runs(index int) bool { return l.at(index).Running() }

func (l links) names(indexes []int) []string {
	var names []string
	for _, index := range indexes {
		names = append(names, l.at(index).Name)
	}
	return names
}
