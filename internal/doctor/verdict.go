package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// fate is what became of a leg.
type fate int

const (
	unwatched fate = iota // by this method it cannot be seen
	stayed                // on this host
	heard                 // seen leaving towards a LAN
	passedOn              // seen leaving towards a router, or into a tunnel: who hears it there, nobody knows
	unseen
	unclear // not seen, and that may be the method's fault
)

// judge says what became of a leg, and what there is to say of it beyond that it was
// seen. An echo of our own broadcast does not tell what the driver got, and its
// absence does not tell that nothing was sent: only the counter says that, and it
// does not know whose packets it counts.
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
	case e.method == OwnBroadcast && !l.echoed:
		return unclear, "not heard back, although the interface has sent something: a firewall may keep it from this host's own sockets; as root (CAP_NET_RAW), doctor sees what leaves"
	case tunnel.Index != 0:
		return passedOn, "goes into " + tunnel.Name + ", a tunnel"
	case gateway.IsValid():
		return passedOn, "goes to the router " + gateway.String() + ", which decides whether a LAN hears it: most drop directed broadcasts (RFC 2644)"
	case len(missed) > 0:
		return heard, e.notSeenBy(missed)
	default:
		return heard, ""
	}
}

// verdict says what became of a probe.
func (e *experiment) verdict(t trial) Probe {
	p := Probe{Method: e.method, Seen: []string{}, Unseen: []string{}}
	var said remarks
	doubt := t.err != nil
	for _, l := range t.legs {
		became, sentence := e.judge(l)
		said.add(sentence, l.destination)
		doubt = doubt || became == unwatched || became == passedOn || became == unclear
		switch became {
		case heard, passedOn:
			p.Seen = append(p.Seen, l.destination)
			p.Heard = p.Heard || became == heard
		case unseen, unclear:
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
	if e.method == OwnBroadcast && e.echoed != 0 {
		said.add(fmt.Sprintf("a second probe went to port %d, where this process may listen", e.echoed), "")
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
	if e.method == OwnBroadcast {
		text = "came back to a socket of this host, and left as far as the interface's counter tells (other packets may have moved it)"
	}
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
	return "by " + strings.Join(e.links.names(by), " and ")
}
