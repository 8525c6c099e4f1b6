package doctor

import (
	"fmt"
	"slices"
	"strings"

	"wolgate/internal/wol"
)

// firewall says what of a probe this host's own rules have dropped: refused when
// it was sent, which the kernel tells, or lost behind that, which it does not.
func (e *experiment) firewall(t trial) []wol.Finding {
	var list []wol.Finding
	add := func(iface, message, cure string) {
		list = append(list, wol.Finding{Code: firewall, Interface: iface, Message: message, Cure: cure})
	}
	own := e.cure(t.iface)
	if refused := t.failedBy(wol.FirewallRefused); refused != "" {
		add(t.iface, "the kernel refused the probe to "+refused+" (operation not permitted): a firewall on this host drops what wol-server sends", own)
	}
	if full := t.failedBy(wol.QueueFull); full != "" {
		add(t.iface, "the probe to "+full+" found the queue full: either the card takes no packets any more, or a firewall's egress rule or tc drops them",
			own+"; if there is no rule, plug the cable out and in, or restart the switch port")
	}
	for _, lost := range e.lost(t) {
		out, by := e.links.at(lost.out), e.links.names(lost.by)
		message := "the kernel accepted the probe to " + strings.Join(lost.about, ", ") + ", and it did not leave by " + strings.Join(by, " and ")
		if floods(out) {
			add(out.Name, message+": a rule of nftables (table bridge, or table netdev at the port) or tc drops it after that, or the port is closed to it (spanning tree, VLAN)",
				e.cure(by...)+"; if there is no rule, look at the port with bridge link show and bridge vlan show")
			continue
		}
		add(out.Name, message+": a firewall's egress rule (nftables, table netdev) or tc drops it after that", e.cure(by...))
	}
	return list
}

// failedBy returns the destinations that the probe was not sent to for this cause.
func (t trial) failedBy(cause wol.FailureCode) string {
	var about []string
	for _, f := range t.failed {
		if f.Code == cause {
			about = append(about, f.Destination)
		}
	}
	return strings.Join(about, ", ")
}

// loss is what was lost on its way out of one interface, and by which of its outlets
// it did not leave.
type loss struct {
	out   int
	by    []int
	about []string
}

// lost returns what had no reason to be lost: a packet to one host may wait for its
// MAC, and one by an interface without a carrier for that.
func (e *experiment) lost(t trial) []loss {
	var list []loss
	for _, l := range t.legs {
		missed := e.missed(l)
		if !l.broadcast() || len(missed) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(one loss) bool { return one.out == l.out && slices.Equal(one.by, missed) })
		if i < 0 {
			i = len(list)
			list = append(list, loss{out: l.out, by: missed})
		}
		list[i].about = append(list[i].about, l.destination)
	}
	return list
}

func (e *experiment) cure(names ...string) string {
	var tc []string
	for _, name := range names {
		tc = append(tc, "tc -s filter show dev "+word(name)+" egress")
	}
	return fmt.Sprintf("look for the rule with sudo nft list ruleset, sudo iptables -L OUTPUT -v and %s, and let UDP broadcasts to port %d pass", strings.Join(tc, ", "), e.port)
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
