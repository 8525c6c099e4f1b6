package doctor

import (
	"fmt"
	"slices"
	"strings"
)

func (e *experiment) whyUnwatched(l leg) string {
	if _, known := e.links.outlets(l.out); !known {
		return "by which interface it left is not known"
	}
	return "whether it left was not watched"
}

func (e *experiment) whyUnseen(l leg) string {
	missed := e.missed(l)
	switch {
	case len(missed) == 0 && floods(e.links.at(l.out)):
		return "accepted by the kernel, and only guests hear it: no port of " + e.links.at(l.out).Name + " that leads to a LAN is running"
	case len(missed) == 0:
		return "accepted by the kernel, and not seen leaving: there is no carrier any more"
	case !l.broadcast():
		return "accepted by the kernel, and not seen leaving: " + l.unanswered()
	default:
		return "accepted by the kernel, and not seen leaving by " + e.names(missed)
	}
}

// names joins the names of interfaces for a sentence.
func (e *experiment) names(indexes []int) string {
	return strings.Join(e.links.names(indexes), " and ")
}

// unanswered says why a packet to one host, or to a router, waits in the kernel
// until it is dropped: its MAC has to be asked for first.
func (l leg) unanswered() string {
	question := "ARP"
	if l.way.to.Is6() {
		question = "neighbour discovery"
	}
	if gateway := l.way.path.Gateway; gateway.IsValid() {
		return fmt.Sprintf("most likely the router %s does not answer %s", gateway, question)
	}
	return fmt.Sprintf("most likely nobody answers %s for %s, as a computer that is off does not; name its LAN's broadcast address, or give it a permanent neighbour entry", question, l.way.to)
}

// remarks are parts of a sentence.
type remarks []remark

type remark struct {
	text  string
	about []string // destinations
}

func (r *remarks) add(text, destination string) {
	if text == "" {
		return
	}
	i := slices.IndexFunc(*r, func(one remark) bool { return one.text == text })
	if i < 0 {
		i = len(*r)
		*r = append(*r, remark{text: text})
	}
	if destination != "" {
		(*r)[i].about = append((*r)[i].about, destination)
	}
}

func (r remarks) String() string {
	parts := make([]string, len(r))
	for i, one := range r {
		parts[i] = one.text
		if len(one.about) > 0 {
			parts[i] = strings.Join(one.about, ", ") + ": " + one.text
		}
	}
	return strings.Join(parts, "; ")
}
