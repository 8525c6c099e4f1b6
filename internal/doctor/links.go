package doctor

import (
	"net"
	"net/netip"
	"slices"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// links are the host's interfaces as the kernel knows them.
type links []rtnetlink.Link

func readLinks() (links, error) {
	list, err := rtnetlink.Links()
	if err != nil {
		return nil, &wol.Error{Kind: wol.Unavailable, Message: "the network interfaces of this host cannot be read: see the log of wol-server", Err: err}
	}
	return list, nil
}

// named returns the interface of this name. One that is not there has index 0.
func (l links) named(name string) rtnetlink.Link {
	return l.find(func(one rtnetlink.Link) bool { return one.Name == name })
}

// at returns the interface with this index. One that is not there has no name.
func (l links) at(index int) rtnetlink.Link {
	return l.find(func(one rtnetlink.Link) bool { return one.Index == index })
}

func (l links) find(match func(rtnetlink.Link) bool) rtnetlink.Link {
	if i := slices.IndexFunc(l, match); i >= 0 {
		return l[i]
	}
	return rtnetlink.Link{}
}

// tunnel reports whether an interface takes packets but has no broadcast: a VPN, a
// modem, PPP. A TAP device is an Ethernet and no tunnel in this sense.
func tunnel(l rtnetlink.Link) bool {
	if l.Index == 0 || l.Flags&net.FlagLoopback != 0 || l.Kind == "vrf" {
		return false
	}
	return l.Flags&net.FlagPointToPoint != 0 || l.Kind != "" && l.Flags&net.FlagBroadcast == 0
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
