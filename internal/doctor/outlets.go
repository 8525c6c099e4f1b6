package doctor

import "wolgate/internal/rtnetlink"

// outlets returns by which interfaces a packet reaches a LAN that is sent by the one
// with this index: by the ports of a bridge or bond, save those that lead to guests;
// all else sends for itself. It is not known of an interface that is not there, nor of
// one of Open vSwitch, whose ports name another interface as their master.
func (l links) outlets(index int) (outlets []int, known bool) {
	out := l.at(index)
	if !out.HasPorts() {
		return []int{index}, out.Index != 0
	}
	for _, port := range l.ports(index) {
		if !l.at(port).GuestPort() {
			outlets = append(outlets, port)
		}
	}
	return outlets, len(outlets) > 0 || out.Kind == "bridge"
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

// floods says whether a broadcast leaves by every port of an interface: a bridge
// sends it by each, a bond by one of its choice.
func floods(l rtnetlink.Link) bool { return l.Kind == "bridge" }

func (l links) runs(index int) bool { return running(l.at(index)) }

func (l links) names(indexes []int) []string {
	var names []string
	for _, index := range indexes {
		names = append(names, l.at(index).Name)
	}
	return names
}
