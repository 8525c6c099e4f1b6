package doctor

import (
	"fmt"
	"slices"
	"strings"

	"wolgate/internal/wol"
)

// firewall finds what this host's own rules have dropped: refused when it was sent,
// which the kernel reports, or lost after that, which it does not.
func (r *probeRun) firewall(p probe) []wol.Finding {
	var list []wol.Finding
	add := func(iface, message, cure string) {
		list = append(list, wol.Finding{Code: firewall, Interface: iface, Message: message, Cure: cure})
	}
	own := r.cure(p.iface)
	if refused := p.failedBy(wol.FirewallRefused); refused != "" {
		add(p.iface, "the kernel refused the probe to "+refused+" (operation not permitted): a firewall on this host drops what wol-server sends", own)
	}
	if full := p.failedBy(wol.QueueFull); full != "" {
		add(p.iface, "the probe to "+full+" found the queue full: either the card takes no packets any more, or a firewall's egress rule or tc drops them",
			own+"; if there is no rule, plug the cable out and in, or restart the switch port")
	}
	if dropped := p.failedBy(wol.IPsecDropped); dropped != "" {
		list = append(list, wol.Finding{
			Code: ipsec, Interface: p.iface,
			Message: "an IPsec policy of this host, as a VPN for all traffic has, drops the probe to " + dropped + ": the kernel says that it was sent, and counts it under XfrmOut in /proc/net/xfrm_stat",
			Cure:    "look at the policies with sudo ip xfrm policy, and let each destination pass by one that goes first, such as sudo ip xfrm policy add dir out dst 255.255.255.255/32 priority 1; for good, in the VPN's configuration",
		})
	}
	for _, lost := range r.lost(p) {
		out, by := r.links.at(lost.out), r.links.names(lost.by)
		message := "the kernel accepted the probe to " + strings.Join(lost.about, ", ") + ", and it did not leave by " + strings.Join(by, " and ")
		if floods(out) {
			add(out.Name, message+": a rule of nftables (table bridge, or table netdev at the port) or tc drops it after that, or the port is closed to it (spanning tree, VLAN), or an IPsec policy encrypts it (sudo ip xfrm policy)",
				r.cure(by...)+"; if there is no rule, look at the port with bridge link show and bridge vlan show")
			continue
		}
		add(out.Name, message+": a firewall's egress rule (nftables, table netdev) or tc drops it after that, or an IPsec policy encrypts it (sudo ip xfrm policy)", r.cure(by...))
	}
	return list
}

// failedBy returns the destinations that the probe was not sent to for this cause.
func (p probe) failedBy(cause wol.FailureCode) string {
	var about []string
	for _, f := range p.failed {
		if f.Code == cause {
			about = append(about, f.Destination)
		}
	}
	return strings.Join(about, ", ")
}

// loss is what one interface sent and these of its uplinks did not.
type loss struct {
	out   int
	by    []int
	about []string
}

// lost returns what only a rule can have dropped. A packet to one host may still wait
// for its MAC, and one by an interface without a carrier for that.
func (r *probeRun) lost(p probe) []loss {
	var list []loss
	for _, l := range p.legs {
		missed := r.missed(l)
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

func (r *probeRun) cure(names ...string) string {
	var tc []string
	for _, name := range names {
		tc = append(tc, "tc -s filter show dev "+shellWord(name)+" egress")
	}
	return fmt.Sprintf("look for the rule with sudo nft list ruleset, sudo iptables -L OUTPUT -v and %s, and let UDP broadcasts to port %d pass", strings.Join(tc, ", "), r.port)
}

// shellWord returns the name of an interface if it is safe in a command that is copied
// into a shell, or else a placeholder: the kernel allows nearly any byte.
func shellWord(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"
	if strings.Trim(name, plain) != "" || name == "" {
		return "INTERFACE"
	}
	return name
}
