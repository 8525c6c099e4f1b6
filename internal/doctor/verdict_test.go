package doctor

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// TestVerdictOfOneLeg has one accepted probe, and what was seen of it.
func TestVerdictOfOneLeg(t *testing.T) {
	t.Parallel()
	const eth0, tun0, vxlan, lo = 2, 3, 4, 1
	left := []int{eth0}
	via := func(path rtnetlink.Path) route {
		return route{destination: "192.168.20.255:9", to: netip.MustParseAddr("192.168.20.255"), path: path}
	}
	for name, tt := range map[string]struct {
		blind        bool
		leg          leg
		heard, known bool
		seen, unseen int
		found        bool // a firewall
		detail       string
		lostItsCable bool
	}{
		"seen":            {leg: leg{watched: true, left: left}, heard: true, known: true, seen: 1, detail: "seen leaving the card"},
		"not seen":        {leg: leg{watched: true}, known: true, unseen: 1, found: true, detail: "accepted by the kernel, and not seen leaving by eth0"},
		"lost its cable":  {leg: leg{watched: true}, known: true, unseen: 1, lostItsCable: true, detail: "no carrier any more"},
		"into a tunnel":   {leg: leg{watched: true, left: []int{tun0}, route: via(rtnetlink.Path{Interface: tun0})}, seen: 1, detail: "goes into tun0, a tunnel"},
		"into an overlay": {leg: leg{watched: true, left: []int{vxlan}, out: vxlan}, seen: 1, detail: "goes into vxlan.new, an overlay"},
		"to a router":     {leg: leg{watched: true, left: left, route: via(rtnetlink.Path{Interface: eth0, Gateway: netip.MustParseAddr("192.168.1.1")})}, seen: 1, detail: "goes to the router 192.168.1.1, which decides"},
		"router is off":   {leg: leg{watched: true, route: via(rtnetlink.Path{Interface: eth0, Gateway: netip.MustParseAddr("192.168.1.1")})}, known: true, unseen: 1, detail: "the router 192.168.1.1 does not answer ARP"},
		"stays":           {leg: leg{route: via(rtnetlink.Path{Interface: lo, Broadcast: true})}, known: true, detail: "stays on this host"},
		"has gone":        {leg: leg{route: via(rtnetlink.Path{Interface: 9})}, detail: "by which interface it left is not known"},
		"nothing watches": {blind: true, leg: leg{}, detail: "whether it left was not watched"},
	} {
		card := card(eth0, "eth0", "")
		if tt.lostItsCable {
			card.Flags &^= net.FlagRunning
		}
		tunnel := rtnetlink.Link{Index: tun0, Name: "tun0", Kind: "tun", Flags: net.FlagUp | net.FlagRunning | net.FlagPointToPoint}
		overlay := rtnetlink.Link{Index: vxlan, Name: "vxlan.new", Kind: "vxlan", Flags: ethernet}
		loopback := rtnetlink.Link{Index: lo, Name: "lo", Flags: net.FlagUp | net.FlagRunning | net.FlagLoopback}
		e := probeRun{port: 9, links: links{loopback, card, tunnel, overlay}}
		if tt.blind {
			e.blind = errors.New("no sockets here")
		}
		tt.leg.destination = "192.168.1.255:9"
		if tt.leg.out == 0 {
			tt.leg.out = eth0
		}
		if tt.leg.fixed() {
			tt.leg.out = tt.leg.route.path.Interface
		}
		tt.leg.uplinks = []int{tt.leg.out}
		one := probe{iface: "eth0", legs: []leg{tt.leg}}
		p := e.verdict(one)
		if p.Heard != tt.heard || p.Known != tt.known || len(p.Seen) != tt.seen || len(p.Unseen) != tt.unseen || !strings.Contains(p.Detail, tt.detail) {
			t.Errorf("%s: %+v", name, p)
		}
		if found := e.firewall(one); (len(found) > 0) != tt.found {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func TestFirewallReadsFailures(t *testing.T) {
	t.Parallel()
	e := probeRun{port: 9, links: links{card(2, "eth0", "")}}
	for code, want := range map[wol.FailureCode]string{
		wol.FirewallRefused: "the kernel refused the probe to 192.168.1.255:9 ",
		wol.QueueFull:       "the probe to 192.168.1.255:9 found the queue full",
		wol.IPsecDropped:    "an IPsec policy of this host, as a VPN for all traffic has, drops the probe to 192.168.1.255:9:",
		"":                  "",
	} {
		found := e.firewall(probe{iface: "eth0", failed: []wol.Failure{{Destination: "192.168.1.255:9", Error: "words", Code: code}}})
		switch {
		case want == "" && len(found) == 0:
		case len(found) != 1 || want == "" || !strings.HasPrefix(found[0].Message, want):
			t.Errorf("%q: found %v", code, found)
		}
	}
}

func TestUnwatched(t *testing.T) {
	t.Parallel()
	for cause, cure := range map[error]string{nil: "", syscall.EPERM: "run doctor with sudo, ", syscall.EMFILE: ""} {
		e := probeRun{}
		if cause != nil {
			e.blind = os.NewSyscallError("socket", cause)
		}
		p, found := e.verdict(probe{}), e.unwatched()
		if (p.Method == NoMethod) != (cause != nil) || (len(found) == 1) != (cause != nil) {
			t.Errorf("%v: method %s, found %v", cause, p.Method, found)
		}
		if cause != nil && (found[0].Code != notWatched || !strings.Contains(found[0].Message, cause.Error()) || !strings.HasPrefix(found[0].Cure, cure) || (cure == "") != (found[0].Cure == "")) {
			t.Errorf("%v: found %+v", cause, found)
		}
	}
}

// TestOpenVSwitch has the bridge of one, whose ports belong to its datapath.
func TestOpenVSwitch(t *testing.T) {
	t.Parallel()
	port := card(4, "eth0", "")
	port.Master = 2
	f := facts{interfaces: []wol.Interface{{Name: "vmbr0", Eligible: true}}, links: links{card(2, "ovs-system", "openvswitch"), card(3, "vmbr0", "openvswitch"), port}}
	if _, known := f.leg("vmbr0", "255.255.255.255:9"); known {
		t.Error("it is known where a probe leaves")
	}
	if found := f.findings(); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}
