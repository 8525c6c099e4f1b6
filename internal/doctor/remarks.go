package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// remark says what there is to say of a leg beyond that it was seen.
func (e experiment) remark(l leg) string {
	switch f := e.fate(l); {
	case l.stays:
		return "stays on this host"
	case f == seen && l.tunnel != "":
		return "goes into " + l.tunnel + ", a tunnel"
	case f == seen && l.way.path.Gateway.IsValid():
		return "is for the router " + l.way.path.Gateway.String() + ", which forwards a directed broadcast only if it is told to"
	case f == seen:
		return ""
	case f == unseen && !l.broadcast():
		return "accepted by the kernel, and not seen leaving: " + l.unanswered()
	case f == unseen && e.method == OwnBroadcast && len(l.seenAt) > 0:
		return "passed the firewall's output rules, and the interface did not count it as sent"
	case f == unseen && e.method == OwnBroadcast:
		return "accepted by the kernel, not heard back, and the interface did not count it as sent"
	case f == unseen:
		return "accepted by the kernel, and not seen leaving"
	case f == unclear:
		return "not heard back, although the interface has sent something: a firewall may keep it from this host's own sockets; as root (CAP_NET_RAW), doctor sees what leaves"
	case e.method == OwnBroadcast && l.out != 0:
		return "accepted by the kernel; only IPv4 broadcasts can be heard back, and as root (CAP_NET_RAW) doctor sees what leaves"
	case l.out == 0:
		return "accepted by the kernel; by which interface it left is not known"
	default:
		return fmt.Sprintf("accepted by the kernel; nothing could watch whether it left (%v)", e.excuse)
	}
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

// remarks are parts of a sentence, each with the destinations that it is about.
type remarks struct {
	texts        []string
	destinations [][]string
}

func (r *remarks) add(text, destination string) {
	if text == "" {
		return
	}
	i := slices.Index(r.texts, text)
	if i < 0 {
		i = len(r.texts)
		r.texts, r.destinations = append(r.texts, text), append(r.destinations, nil)
	}
	if destination != "" {
		r.destinations[i] = append(r.destinations[i], destination)
	}
}

func (r *remarks) String() string {
	parts := make([]string, len(r.texts))
	for i, text := range r.texts {
		parts[i] = text
		if about := r.destinations[i]; len(about) > 0 {
			parts[i] = strings.Join(about, ", ") + ": " + text
		}
	}
	return strings.Join(parts, "; ")
}
