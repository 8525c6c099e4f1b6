package rtnetlink

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Link is a network interface.
type Link struct {
	Name string
	// AltNames are further names that "ip link property add" and udev give to the same
	// interface (IFLA_ALT_IFNAME). The kernel keeps every name of either sort unique.
	AltNames []string
	Index    int
	// Flags are as package net has them.
	Flags net.Flags
	// Kind is what made the interface (IFLA_INFO_KIND): "bridge", "bond", "tun",
	// "wireguard", "veth". It is empty for hardware and loopback.
	Kind string
	// NoARP means that the kernel finds no link-layer address for what it sends there, not
	// even that of a broadcast (IFF_NOARP). Examples are dummy, ifb, and an interface after
	// "ip link set NAME arp off".
	NoARP bool
	// Ethernet means that its frames have Ethernet headers (ARPHRD_ETHER).
	Ethernet bool
	// Master is the index of the bridge or bond that it is a port of, 0 for none.
	// A VRF (virtual routing and forwarding) is the master of its members likewise.
	Master int
	// PeerAway means that it is one end of a pair whose other end is in another network
	// namespace, as in a container.
	PeerAway bool
	// Addresses are those of both families as configured, host address and prefix
	// length, without those that cannot be used, or not yet.
	Addresses []netip.Prefix
}

// Running reports whether the interface is up and has a carrier.
func (l Link) Running() bool { return l.Flags&net.FlagUp != 0 && l.Flags&net.FlagRunning != 0 }

// HasPorts reports whether packets of this kind of interface leave by ports of its own.
// A VRF has none: its members send for themselves.
func (l Link) HasPorts() bool {
	switch l.Kind {
	case "bridge", "bond", "team", "openvswitch":
		return true
	default:
		return false
	}
}

// Names returns the name and the altnames.
func (l Link) Names() []string { return append([]string{l.Name}, l.AltNames...) }

// Zone returns the index of the interface that the zone of an IPv6 address names, by
// one of its names or by its number (RFC 4007 section 11.2). The index is 0 for no zone.
func Zone(links []Link, zone string) (index int, ok bool) {
	if zone == "" {
		return 0, true
	}
	for _, l := range links {
		if slices.Contains(l.Names(), zone) || strconv.Itoa(l.Index) == zone {
			return l.Index, true
		}
	}
	return 0, false
}

// Links returns all interfaces of this network namespace, ordered by index.
func Links() ([]Link, error) {
	links, err := readLinks()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	assignments, err := readAssignments()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of network interfaces: %w", err)
	}
	// An interface can come between the two lists, and its addresses belong to
	// none here, or go, and then it has none.
	byIndex := func(l Link, index int) int { return cmp.Compare(l.Index, index) }
	for _, a := range assignments {
		if i, ok := slices.BinarySearchFunc(links, a.index, byIndex); ok {
			links[i].Addresses = append(links[i].Addresses, a.prefix)
		}
	}
	return links, nil
}

// readLinks returns the interfaces, ordered by index and without addresses.
func readLinks() ([]Link, error) {
	everything := encode(unix.IfInfomsg{})
	links, err := dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, everything, math.MaxInt, parseLink)
	if err != nil {
		return nil, err
	}
	return arrange(links), nil
}

// arrange orders links by index, as a dump by an older kernel is not, and drops
// those that an interrupted dump has twice.
func arrange(links []Link) []Link {
	slices.SortStableFunc(links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(links, func(a, b Link) bool { return a.Index == b.Index })
}

// parseLink returns the interface that the body of an RTM_NEWLINK describes.
func parseLink(body []byte) []Link {
	var header unix.IfInfomsg
	n, err := binary.Decode(body, binary.NativeEndian, &header)
	if err != nil {
		return nil
	}
	l := Link{Index: int(header.Index), Flags: linkFlags(header.Flags), NoARP: header.Flags&unix.IFF_NOARP != 0, Ethernet: header.Type == unix.ARPHRD_ETHER}
	away := false
	for kind, value := range attributes(body[n:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = text(value)
		case unix.IFLA_PROP_LIST:
			l.AltNames = altNames(value)
		case unix.IFLA_MASTER:
			l.Master = int(number(value))
		case unix.IFLA_LINKINFO:
			l.Kind = linkKind(value)
		case unix.IFLA_LINK_NETNSID:
			away = true
		}
	}
	// The attribute alone does not make a pair: a macvlan or a VLAN that was moved
	// away from its card's namespace has it as well, and reaches the card's LAN.
	l.PeerAway = away && (l.Kind == "veth" || l.Kind == "netkit")
	return []Link{l}
}

// linkKind reads a nested attribute (IFLA_LINKINFO).
func linkKind(linkInfo []byte) string {
	for kind, value := range attributes(linkInfo) {
		if kind == unix.IFLA_INFO_KIND {
			return text(value)
		}
	}
	return ""
}

// altNames reads a nested attribute (IFLA_PROP_LIST).
func altNames(properties []byte) (names []string) {
	for kind, value := range attributes(properties) {
		if kind == unix.IFLA_ALT_IFNAME {
			names = append(names, text(value))
		}
	}
	return names
}

// linkFlags translates the flags of netdevice(7). FlagRunning is the kernel's
// own judgement of the link's state (RFC 2863), which a carrier is part of.
func linkFlags(kernel uint32) net.Flags {
	var flags net.Flags
	for _, f := range []struct {
		kernel uint32
		flag   net.Flags
	}{
		{unix.IFF_UP, net.FlagUp},
		{unix.IFF_BROADCAST, net.FlagBroadcast},
		{unix.IFF_LOOPBACK, net.FlagLoopback},
		{unix.IFF_POINTOPOINT, net.FlagPointToPoint},
		{unix.IFF_MULTICAST, net.FlagMulticast},
		{unix.IFF_RUNNING, net.FlagRunning},
	} {
		if kernel&f.kernel != 0 {
			flags |= f.flag
		}
	}
	return flags
}
