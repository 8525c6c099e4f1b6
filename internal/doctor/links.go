package doctor

import (
	"net"
	"net/netip"
	"path"
	"slices"

	"wolgate/internal/rtnetlink"
)

// links are the host's interfaces as the kernel knows them.
type links []rtnetlink.Link

// named returns the interface of this name. One that is not there has index 0.
func (l links) named(name string) rtnetlink.Link {
	return l.find(func(one rtnetlink.Link) bool { return one.Name == name })
}

// at returns the interface with this index. One that is not there has no name.
func (l links) at(index int) rtnetlink.Link {
	return l.find(func(one rtnetlink.Link) bool { return one.Index == index })
}

func (l links) find(is func(rtnetlink.Link) bool) rtnetlink.Link {
	if i := slices.IndexFunc(l, is); i >= 0 {
		return l[i]
	}
	return rtnetlink.Link{}
}

// outlets returns by which interfaces a packet leaves the host that is sent by
// the one with this index: by the ports of a bridge or bond, and by none if it
// has none; all else sends for itself. That includes a VRF (virtual routing
// domain), whose members name it as their master too.
func (l links) outlets(index int) []int {
	switch l.at(index).Kind {
	case "bridge", "bond", "team", "openvswitch":
	default:
		return []int{index}
	}
	var ports []int
	for _, one := range l {
		if one.Master == index {
			ports = append(ports, one.Index)
		}
	}
	return ports
}

// tunnel says whether an interface takes packets and has no broadcast: a VPN, a
// modem, PPP. A TAP device is an Ethernet and no tunnel in this sense.
func tunnel(l rtnetlink.Link) bool {
	if l.Index == 0 || l.Flags&net.FlagLoopback != 0 || l.Kind == "vrf" {
		return false
	}
	return l.Flags&net.FlagPointToPoint != 0 || l.Kind != "" && l.Flags&net.FlagBroadcast == 0
}

// running says whether an interface is up and has a carrier.
func running(l rtnetlink.Link) bool {
	return l.Flags&net.FlagUp != 0 && l.Flags&net.FlagRunning != 0
}

// inet4 returns the IPv4 addresses of an interface.
func inet4(l rtnetlink.Link) []netip.Prefix {
	var list []netip.Prefix
	for _, p := range l.Addresses {
		if p.Addr().Is4() {
			list = append(list, p)
		}
	}
	return list
}

// engineMade says whether a name is one that a container engine gives to what it
// makes in the namespace that it runs in. Docker calls its further networks br-
// and twelve hex digits, so that a LAN bridge such as br-lan is none of them.
func engineMade(name string) bool {
	const hex = "[0-9a-f]"
	const four = hex + hex + hex + hex
	return matches(name, "docker0", "br-"+four+four+four, "podman*", "cni*", "flannel*", "cali*", "cilium*")
}

// guestMade says whether a name is one that a hypervisor gives to a network of
// its guests.
func guestMade(name string) bool {
	return matches(name, "virbr*", "lxcbr*", "lxdbr*", "incusbr*", "vboxnet*", "vmnet*")
}

func matches(name string, patterns ...string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // the patterns are ours, and not broken
		return ok
	})
}

// sent returns how many packets the drivers have taken that a packet by the
// interface with this index ends up with.
func (l links) sent(index int) uint64 {
	var sum uint64
	for _, outlet := range l.outlets(index) {
		sum += l.at(outlet).Sent
	}
	return sum
}
