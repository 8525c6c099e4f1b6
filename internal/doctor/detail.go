package doctor

import (
	"fmt"
	"slices"
	"strings"
)

func (r *probeRun) whyUnwatched(l leg) string {
	if _, known := r.links.uplinks(l.out); !known {
		return "by which interface it left is not known"
	}
	return "whether it left was not watched"
}

func (r *probeRun) whyUnseen(l leg) string {
	missed := r.missed(l)
	switch {
	case len(missed) == 0 && floods(r.links.at(l.out)):
		return "accepted by the kernel, and only guests hear it: no port of " + r.links.at(l.out).Name + " that leads to a LAN is running"
	case len(missed) == 0:
		return "accepted by the kernel, and not seen leaving: there is no carrier any more"
	case !l.broadcast():
		return "accepted by the kernel, and not seen leaving: " + l.unanswered()
	default:
		return "accepted by the kernel, and not seen leaving by " + r.names(missed)
	}
}

// names joins the names of interfaces for a sentence.
func (r *probeRun) names(indexes []int) string {
	return strings.Join(r.links.names(indexes), " and ")
}

// unanswered explains why a packet to one host, or to a router, waits in the kernel
// until it is dropped: the kernel has to ask for its MAC first.
func (l leg) unanswered() string {
	question := "ARP"
	if l.route.to.Is6() {
		question = "neighbour discovery"
	}
	if gateway := l.route.path.Gateway; gateway.IsValid() {
		return fmt.Sprintf("most likely the router %s does not answer %s", gateway, question)
	}
	return fmt.Sprintf("most likely nobody answers %s for %s, as a computer that is off does not; name its LAN's broadcast address, or give it a permanent neighbour entry", question, l.route.to)
}

// details are the parts of a sentence, each with the destinations that it is about.
type details []detail

type detail struct {
	text  string
	about []string
}

func (d *details) add(text, destination string) {
	if text == "" {
		return
	}
	i := slices.IndexFunc(*d, func(one detail) bool { return one.text == text })
	if i < 0 {
		i = len(*d)
		*d = append(*d, detail{text: text})
	}
	if destination != "" {
		(*d)[i].about = append((*d)[i].about, destination)
	}
}

func (d details) String() string {
	parts := make([]string, len(d))
	for i, one := range d {
		parts[i] = one.text
		if len(one.about) > 0 {
			parts[i] = strings.Join(one.about, ", ") + ": " + one.text
		}
	}
	return strings.Join(parts, "; ")
}
