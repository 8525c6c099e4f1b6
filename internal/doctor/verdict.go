package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// fate is what can be said of a leg.
type fate int

const (
	unwatched fate = iota // by this method it cannot be seen
	seen
	unseen
	unclear // not seen, and that may be the method's fault
)

// fate judges a leg. An echo of our own broadcast does not tell what the driver
// got, and its absence does not tell that nothing was sent: only the counter says
// that, and it does not know whose packets it counts.
func (e experiment) fate(l leg) fate {
	echo := len(l.seenAt) > 0
	switch {
	case !l.watched:
		return unwatched
	case e.method == OwnBroadcast && !l.counted:
		return unseen
	case echo:
		return seen
	case e.method == OwnBroadcast:
		return unclear
	default:
		return unseen
	}
}

// verdict says what became of a probe.
func (e experiment) verdict(t trial) Probe {
	p := Probe{Method: e.method, Seen: []string{}, Unseen: []string{}}
	doubt := t.err != nil
	for _, l := range t.legs {
		switch e.fate(l) {
		case seen:
			p.Seen = append(p.Seen, l.destination)
			// Who would hear it at the other end of a tunnel, nobody knows.
			p.Heard = p.Heard || l.tunnel == ""
			doubt = doubt || l.tunnel != ""
		case unseen:
			p.Unseen = append(p.Unseen, l.destination)
		case unclear:
			p.Unseen = append(p.Unseen, l.destination)
			doubt = true
		case unwatched:
			doubt = doubt || !l.stays
		}
	}
	for _, f := range t.failed {
		p.Unseen = append(p.Unseen, f.Destination)
	}
	p.Known = p.Heard || !doubt
	p.Detail = e.detail(t, len(p.Seen))
	return p
}

// detail is the sentence of a verdict: what was seen, and why the rest was not.
func (e experiment) detail(t trial, seenLegs int) string {
	var said remarks
	total := len(t.legs) + len(t.failed)
	if seenLegs > 0 {
		text := "seen leaving " + e.where(t)
		if e.method == OwnBroadcast {
			text = "came back to a socket of this host, and the interface counted it as sent"
		}
		switch {
		case total > 1 && seenLegs == total:
			text += fmt.Sprintf(", to all %d destinations", total)
		case total > 1:
			text += fmt.Sprintf(", to %d of %d destinations", seenLegs, total)
		}
		said.add(text, "")
	}
	for _, l := range t.legs {
		said.add(e.remark(l), l.destination)
	}
	for _, f := range t.failed {
		said.add("not sent, "+f.Error, f.Destination)
	}
	if t.err != nil {
		said.add("not sent, "+t.err.Error(), "")
	}
	if e.method == OwnBroadcast && e.echoed != 0 {
		said.add(fmt.Sprintf("a second probe went to port %d, where this process may listen", e.echoed), "")
	}
	return said.String()
}

// where says by what a probe was seen to leave: by the card itself, by ports of
// a bridge, or by what the routing table chose.
func (e experiment) where(t trial) string {
	var names []string
	own := true
	for _, l := range t.legs {
		for _, index := range l.seenAt {
			own = own && !l.fixed && index == l.out
			if name := e.links.at(index).Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if own {
		return "the card"
	}
	return "by " + strings.Join(names, " and ")
}
