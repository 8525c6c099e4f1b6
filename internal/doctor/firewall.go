package doctor

import (
	"fmt"
	"net/netip"
	"strings"

	"wolgate/internal/wol"
)

// firewall says what of a probe this host's own rules have dropped: refused when
// it was sent, which the kernel tells, or lost behind that, which it does not.
func (e experiment) firewall(t trial) []wol.Finding {
	var refused, full, lost []string
	at := t.iface
	for _, f := range t.failed {
		_, err := netip.ParseAddrPort(f.Destination)
		switch isRaw := err != nil; {
		case strings.Contains(f.Error, "operation not permitted") && !isRaw: // a raw frame wants a capability
			refused = append(refused, f.Destination)
		case strings.Contains(f.Error, "queue is full"):
			full = append(full, f.Destination)
		}
	}
	for _, l := range t.legs {
		// An interface that has just lost its carrier needs no firewall.
		if e.fate(l) == unseen && l.broadcast() && running(e.links.at(l.out)) {
			lost = append(lost, l.destination)
			at = e.links.at(l.out).Name
		}
	}
	var list []wol.Finding
	add := func(about []string, iface, message, otherwise string) {
		if len(about) > 0 {
			list = append(list, wol.Finding{
				Code: firewall, Interface: iface,
				Message: fmt.Sprintf(message, strings.Join(about, ", ")),
				Cure:    cure(iface, e.port) + otherwise,
			})
		}
	}
	add(refused, t.iface, "the kernel refused the probe to %s (operation not permitted): a firewall on this host drops what wol-server sends", "")
	add(full, t.iface, "the probe to %s found the queue full: either the card takes no packets any more, or a firewall's egress rule or tc drops them", "; if there is no rule, plug the cable out and in, or restart the switch port")
	add(lost, at, "the kernel accepted the probe to %s, and it did not leave: a firewall's egress rule (nftables, table netdev), tc or XDP drops it after that", "")
	return list
}

func cure(iface string, port uint16) string {
	return fmt.Sprintf("look for the rule with sudo nft list ruleset, sudo iptables -L OUTPUT -v and tc -s filter show dev %s egress, and let UDP broadcasts to port %d pass", word(iface), port)
}

// word returns the name of an interface as it can stand in a command that somebody
// copies into a shell, or a word in its place: the kernel allows nearly any byte.
func word(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"
	if strings.Trim(name, plain) != "" || name == "" {
		return "INTERFACE"
	}
	return name
}
