package broadcast

import (
	"net/netip"
	"slices"
	"strings"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// surveyConfigured lists --destinations under one interface without a name, and decides
// which of them a packet would reach. onLAN remembers which have been broadcast addresses
// of this host's own LANs. Links are nil where the kernel cannot be asked.
func surveyConfigured(to []netip.AddrPort, links []rtnetlink.Link, onLAN map[netip.Addr]bool) survey {
	info := wol.Interface{Eligible: true, Addresses: []string{}, Destinations: []string{}, Routes: []string{}}
	var s survey
	var lost []string
	for _, to := range to {
		info.Destinations = append(info.Destinations, to.String())
		zone, ok := rtnetlink.Zone(links, to.Addr().Zone())
		if !ok {
			reason, _ := explain(wol.Missing, "")
			s.down = append(s.down, wol.Failure{Destination: to.String(), Error: reason})
			continue
		}
		d := configured(to, zone)
		path, err := rtnetlink.Lookup(to.Addr().WithZone(""), zone)
		if err == nil && links != nil {
			if why, reason, cure := outOfReach(to.Addr(), path, links, onLAN); why != "" {
				s.down = append(s.down, d.refused(reason))
				s.unsettled = true
				lost = append(lost, d.text+": "+reason)
				info.Failing, info.Why, info.Cure = true, why, cure
				continue
			}
			d.next = nextHop(to.Addr(), path)
		}
		s.destinations = append(s.destinations, d)
	}
	info.Reason = strings.Join(lost, "; ")
	s.interfaces = []wol.Interface{info}
	return s
}

// outOfReach returns why a packet reaches no LAN although the kernel takes it: the
// interface that it would leave by is dead, or the destination is the broadcast address of
// a LAN of this host, and would leave as a unicast to a router. So it does after the
// interface was switched off, and where a network manager takes the address from a card
// whose cable is out.
func outOfReach(to netip.Addr, path rtnetlink.Path, links []rtnetlink.Link, onLAN map[netip.Addr]bool) (why wol.Why, reason, cure string) {
	owner := func(l rtnetlink.Link) bool {
		if path.Broadcast {
			return l.Index == path.Interface
		}
		return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { own, ok := directedBroadcast(p); return ok && own == to })
	}
	by := slices.IndexFunc(links, owner)
	if path.Broadcast {
		onLAN[to] = true
	} else if by < 0 && onLAN[to] {
		return wol.Missing, "no interface of this host has an address in its network any more", "plug the cable of the card that leads there in; if a router is to forward it from now on, restart wol-server"
	}
	if by < 0 {
		by = slices.IndexFunc(links, func(l rtnetlink.Link) bool { return l.Index == path.Interface })
	}
	if by < 0 {
		return "", "", "" // the interface has just come or gone
	}
	// The operator has chosen, as with names: a bridge may be meant for guests.
	why = judge(links, Selection{Only: Names{"*"}})[links[by].Index]
	switch reason, cure = explain(why, links[by].Name); {
	case transient(why):
		return why, reason + " (" + links[by].Name + ")", cure
	case !path.Broadcast && owner(links[by]):
		return wol.NoBroadcast, unknownBroadcast + " (" + links[by].Name + ")", "look at ip route show table local, and switch the interface off and on"
	default:
		return "", "", ""
	}
}
