package doctor

import (
	"net"
	"slices"
	"strings"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// The codes of findings. An interface that should send and cannot has its wol.Why as
// the code, and so has a bridge that is as good as unplugged.
const (
	noInterface    = "no_interface"
	vpn            = "vpn"
	container      = "container"
	virtualMachine = "virtual_machine"
	localOnly      = "local_only"
	noRoute        = "no_route"
	rawRefused     = "raw_refused"
	firewall       = "firewall"
	ipsec          = "ipsec"
	notWatched     = "not_watched"
)

// findings returns what is wrong as far as it is known without sending anything. It
// never returns nil.
func (f facts) findings() []wol.Finding {
	confined := slices.Concat(f.container(), f.virtualMachine())
	all := slices.Concat(confined, f.nothingEligible(len(confined) > 0), f.failing(), f.bridges(), f.unroutable(), f.tunnels(), f.local(), f.raw())
	return append([]wol.Finding{}, all...)
}

// confines reports whether the findings keep this host's packets from every LAN,
// whatever leaves its card.
func confines(findings []wol.Finding) bool {
	return slices.ContainsFunc(findings, func(one wol.Finding) bool { return one.Code == container || one.Code == virtualMachine })
}

func (f facts) failing() []wol.Finding {
	var list []wol.Finding
	for _, i := range f.interfaces {
		where := "by this interface"
		if f.fixed() {
			where = "there"
		}
		if i.Failing && !(f.fixed() && i.Why == wol.BridgeWithoutPorts) { // which bridges finds
			list = append(list, wol.Finding{
				Code: string(i.Why), Interface: i.Name,
				Message: i.Reason + ": no packet reaches a LAN " + where + ", and every receipt says so",
				Cure:    i.Cure,
			})
		}
	}
	return list
}

// nothingEligible finds a host that cannot send at all. In a container or a virtual
// machine without a LAN it proposes none of the interfaces.
func (f facts) nothingEligible(confined bool) []wol.Finding {
	if len(f.eligible()) > 0 {
		return nil
	}
	found := wol.Finding{
		Code:    noInterface,
		Message: "no interface is eligible: every wake fails, and nothing is sent",
		Cure:    "connect this host by a network card to the LAN of the computers to wake",
	}
	refused, repair := f.couldSend(), repairs(f.because(wol.NoCarrier), f.because(wol.Down))
	switch {
	case confined:
		found.Cure = "run wol-server where the LAN is, see above"
	case len(refused) > 0:
		found.Cure = "start wol-server with --interfaces=" + strings.Join(refused, ",") + " if the computers to wake are there"
	case repair != "":
		found.Cure = repair
	}
	return []wol.Finding{found}
}

// couldSend returns the interfaces that the operator excluded or did not name, but
// that may well be a LAN.
func (f facts) couldSend() []string {
	var names []string
	for _, i := range f.interfaces {
		if i.Why != wol.Excluded && i.Why != wol.NotNamed {
			continue
		}
		l := f.links.named(i.Name)
		if l.Running() && broadcasts(l) && l.Master == 0 && !l.Overlay() && len(inet4(l)) > 0 && !l.EngineNetwork() && !l.GuestNetwork() {
			names = append(names, shellWord(l.Name))
		}
	}
	return names
}

func (f facts) because(why wol.Why) []string {
	var names []string
	for _, i := range f.interfaces {
		if i.Why == why {
			names = append(names, i.Name)
		}
	}
	return names
}

// repairs returns the cure for interfaces that only need to be plugged in or switched
// on.
func repairs(unplugged, down []string) string {
	var list []string
	if len(unplugged) > 0 {
		list = append(list, "plug the cable of "+strings.Join(unplugged, " or ")+" in at both ends and switch on what it leads to")
	}
	if len(down) > 0 {
		list = append(list, "switch on the card that leads to the LAN: sudo ip link set "+shellWord(down[0])+" up")
	}
	return strings.Join(list, ", or ")
}

func broadcasts(l rtnetlink.Link) bool { return l.Flags&net.FlagBroadcast != 0 }
