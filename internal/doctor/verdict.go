package doctor

import (
	"fmt"
	"slices"
)

// outcome is what became of a leg.
type outcome int

const (
	unwatched outcome = iota // it could not be seen
	stayed                   // on this host
	heard                    // seen leaving towards a LAN
	passedOn                 // seen leaving towards a router, or into a tunnel: what hears it there is unknown
	unseen
)

// outcomeOf returns what became of a leg, and a remark unless it was just heard.
func (r *probeRun) outcomeOf(l leg) (outcome, string) {
	missed := r.missed(l)
	tunnel, gateway := l.route.tunnel(r.links), l.route.path.Gateway
	switch {
	case l.route.stays(r.links):
		return stayed, "stays on this host"
	case !l.watched:
		return unwatched, "accepted by the kernel; " + r.whyUnwatched(l)
	case len(l.left) == 0:
		return unseen, r.whyUnseen(l)
	case tunnel.Index != 0:
		return passedOn, "goes into " + tunnel.Name + ", a tunnel"
	case r.links.at(l.out).Overlay():
		return passedOn, "goes into " + r.links.at(l.out).Name + ", an overlay: whether a LAN is at its other end is not known"
	case gateway.IsValid():
		return passedOn, "goes to the router " + gateway.String() + ", which decides whether a LAN hears it: most drop directed broadcasts (RFC 2644)"
	case len(missed) > 0:
		return heard, "not seen leaving by " + r.names(missed)
	default:
		return heard, ""
	}
}

// verdict returns what became of a probe.
func (r *probeRun) verdict(p probe) ProbeResult {
	result := ProbeResult{Method: PacketSocket, Seen: []string{}, Unseen: []string{}}
	if r.blind != nil {
		result.Method = NoMethod
	}
	var parts details
	doubt := p.err != nil
	for _, l := range p.legs {
		became, sentence := r.outcomeOf(l)
		parts.add(sentence, l.destination)
		doubt = doubt || became == unwatched || became == passedOn
		switch became {
		case heard, passedOn:
			result.Seen = append(result.Seen, l.destination)
			result.Heard = result.Heard || became == heard
		case unseen:
			result.Unseen = append(result.Unseen, l.destination)
		}
	}
	for _, f := range p.failed {
		parts.add("not sent, "+f.Error, f.Destination)
		result.Unseen = append(result.Unseen, f.Destination)
	}
	if p.err != nil {
		parts.add("not sent, "+p.err.Error(), "")
	}
	if len(result.Seen) > 0 {
		parts = slices.Insert(parts, 0, detail{text: r.departure(p, len(result.Seen))})
	}
	result.Known = result.Heard || !doubt
	result.Detail = parts.String()
	return result
}

// departure describes a probe that was seen leaving.
func (r *probeRun) departure(p probe, seen int) string {
	text := "seen leaving " + r.where(p)
	switch total := len(p.legs) + len(p.failed); {
	case total == 1:
		return text
	case seen == total:
		return fmt.Sprintf("%s, to all %d destinations", text, total)
	default:
		return fmt.Sprintf("%s, to %d of %d destinations", text, seen, total)
	}
}

// where names what a probe left by: the card itself, ports of a bridge, or the
// interfaces that the routing table chose.
func (r *probeRun) where(p probe) string {
	var by []int
	own := true
	for _, l := range p.legs {
		for _, index := range l.left {
			own = own && !l.fixed() && index == l.out
			if !slices.Contains(by, index) {
				by = append(by, index)
			}
		}
	}
	if own {
		return "the card"
	}
	slices.Sort(by) // not in the order in which the ports got it
	return "by " + r.names(by)
}
