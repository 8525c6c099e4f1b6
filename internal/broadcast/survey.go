package broadcast

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// survey is the state of the host's interfaces at one moment, and what follows
// from it. Nothing changes it after Sender.survey has returned it.
type survey struct {
	taken        time.Time
	altNames     map[string]string // to the name of the interface
	interfaces   []wol.Interface
	destinations []destination
	down         []wol.Failure // expected to send, and cannot
	// unsettled is true where a fault may pass without the kernel reporting a change.
	unsettled bool
}

// newSurvey decides from links where packets go. refusal returns why the kernel would not
// broadcast a packet sent to an address by an interface, or "".
//
// An interface that is wanted and cannot send is listed in down if it is in use, which an
// IPv4 address or an entry in --interfaces shows; an unused port of the mainboard must not
// turn every receipt into a partial one.
func newSurvey(links []rtnetlink.Link, c Config, refusal func(to netip.Addr, iface int) string) survey {
	s := survey{altNames: map[string]string{}}
	named := c.Selection.Only.literal()
	verdicts := judge(links, c.Selection)
	for _, l := range links {
		why := verdicts[l.Index]
		for _, name := range l.AltNames {
			s.altNames[name] = l.Name
		}
		info := wol.Interface{Name: l.Name, Eligible: why == "", Why: why, Addresses: []string{}, Destinations: []string{}, Routes: []string{}}
		info.Reason, info.Cure = explain(why, l.Name)
		names := l.Names()
		inUse := slices.ContainsFunc(named, func(name string) bool { return slices.Contains(names, name) })
		for _, a := range l.Addresses {
			info.Addresses = append(info.Addresses, a.String())
			inUse = inUse || a.Addr().Is4()
		}
		info.Failing = transient(why) && inUse
		for _, d := range destinationsOf(l, c) {
			switch {
			case info.Failing:
				s.down = append(s.down, d.refused(info.Reason))
			case info.Eligible:
				info.Destinations = append(info.Destinations, d.text)
				if why := d.refusal(refusal, l.Index); why != "" {
					s.down = append(s.down, d.refused(why))
					s.unsettled = true
					continue
				}
				s.destinations = append(s.destinations, d.destination)
			}
		}
		s.interfaces = append(s.interfaces, info)
		named = slices.DeleteFunc(named, func(name string) bool { return slices.Contains(names, name) })
	}
	for _, name := range named {
		info := wol.Interface{Name: name, Why: wol.Missing, Failing: true, Addresses: []string{}, Destinations: []string{}, Routes: []string{}}
		info.Reason, info.Cure = explain(wol.Missing, name)
		s.interfaces = append(s.interfaces, info)
		to := netip.AddrPortFrom(limitedBroadcast(), c.Port)
		s.down = append(s.down, wol.Failure{Interface: name, Destination: to.String(), Error: info.Reason})
	}
	return s
}

// candidate is a destination that an interface has by its addresses.
type candidate struct {
	destination
	directed netip.Addr // its address, if it is a directed broadcast
}

func (c candidate) refusal(ask func(netip.Addr, int) string, iface int) string {
	if !c.directed.IsValid() {
		return ""
	}
	return ask(c.directed, iface)
}

// destinationsOf returns the limited broadcast of an interface and the directed
// one of every IPv4 prefix, and what --ipv6 and --raw add.
func destinationsOf(l rtnetlink.Link, c Config) []candidate {
	list := []candidate{{destination: limited(l, c.Port)}}
	for _, prefix := range l.Addresses {
		to, ok := directedBroadcast(prefix)
		if ok && !slices.ContainsFunc(list, func(other candidate) bool { return other.directed == to }) {
			list = append(list, candidate{destination: directed(l, prefix, to, c.Port), directed: to})
		}
	}
	speaksIPv6 := l.Flags&net.FlagMulticast != 0 && slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	if c.IPv6 && speaksIPv6 {
		list = append(list, candidate{destination: allNodes(l, c.Port)})
	}
	if c.Raw && l.Ethernet {
		list = append(list, candidate{destination: frame(l)})
	}
	for i := range list {
		list[i].siblings = l.Kind == "macvlan" || l.Kind == "macvtap"
	}
	return list
}
