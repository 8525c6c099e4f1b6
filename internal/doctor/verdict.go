package doctor

import (
	"fmt"
	"slices"
)

// fate is what became of a leg.
type fate int

const (
	unwatched fate = iota // it could not be seen
	stayed                // on this host
	heard                 // seen leaving towards a LAN
	passedOn              // seen leaving towards a router, or into a tunnel: who hears it there is unknown
	unseen
)

// judge returns what became of a leg, and what is to be said of it beyond that it was
// seen.
func (e *experiment) judge(l leg) (fate, string) {
	missed := e.missed(l)
	tunnel, gateway := l.way.tunnel(e.links), l.way.path.Gateway
	switch {
	case l.way.stays(e.links):
		return stayed, "stays on this host"
	case !l.watched:
		return unwatched, "accepted by the kernel; " + e.whyUnwatched(l)
	case len(l.left) == 0:
		return unseen, e.whyUnseen(l)
	case tunnel.Index != 0:
		return passedOn, "goes into " + tunnel.Name + ", a tunnel"
	case gateway.IsValid():
		return passedOn, "goes to the router " + gateway.String() + ", which decides whether a LAN hears it: most drop directed broadcasts (RFC 2644)"
	case len(missed) > 0:
		return heard, "not seen leaving by " + e.names(missed)
	default:
		return heard, ""
	}
}

// verdict says what became of a probe.
func (e *experiment) verdict(t trial) Probe {
	p := Probe{Method: PacketSocket, Seen: []string{}, Unseen: []string{}}
	if e.blind != nil {
		p.Method = NoMethod
	}
	var said remarks
	doubt := t.err != nil
	for _, l := range t.legs {
		became, sentence := e.judge(l)
		said.add(sentence, l.destination)
		doubt = doubt || became == unwatched || became == passedOn
		switch became {
		case heard, passedOn:
			p.Seen = append(p.Seen, l.destination)
			p.Heard = p.Heard || became == heard
		case unseen:
			p.Unseen = append(p.Unseen, l.destination)
		}
	}
	for _, f := range t.failed {
		said.add("not sent, "+f.Error, f.Destination)
		p.Unseen = append(p.Unseen, f.Destination)
	}
	if t.err != nil {
		said.add("not sent, "+t.err.Error(), "")
	}
	if len(p.Seen) > 0 {
		said = slices.Insert(said, 0, remark{text: e.departure(t, len(p.Seen))})
	}
	p.Known = p.Heard || !doubt
	p.Detail = said.String()
	return p
}

// departure says what was seen of a probe that left.
func (e *experiment) departure(t trial, seen int) string {
	text := "seen leaving " + e.where(t)
	switch total := len(t.legs) + len(t.failed); {
	case total == 1:
		return text
	case seen == total:
		return fmt.Sprintf("%s, to all %d destinations", text, total)
	default:
		return fmt.Sprintf("%s, to %d of %d destinations", text, seen, total)
	}
}

// where says by what a probe was seen to leave: by the card itself, by ports of
// a bridge, or by what the routing table chose.
func (e *experiment) where(t trial) string {
	var by []int
	own := true
	for _, l := range t.legs {
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
	slices.Sort(by) // and not in the order in which the ports got it
	return "by " + e.names(by)
}
