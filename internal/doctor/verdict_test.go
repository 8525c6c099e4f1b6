package doctor

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// TestVerdictByMethod has one accepted probe, and what each method knows of it.
func TestVerdictByMethod(t *testing.T) {
	t.Parallel()
	const eth0, tun0, lo = 2, 3, 1
	left := []int{eth0}
	route := func(path rtnetlink.Path) way {
		return way{destination: "192.168.20.255:9", to: netip.MustParseAddr("192.168.20.255"), path: path}
	}
	for name, tt := range map[string]struct {
		method       Method
		leg          leg
		heard, known bool
		seen, unseen int
		found        bool // a firewall
		detail       string
		lostItsCable bool
	}{
		"seen":                 {method: PacketSocket, leg: leg{watched: true, left: left}, heard: true, known: true, seen: 1, detail: "seen leaving the card"},
		"not seen":             {method: PacketSocket, leg: leg{watched: true}, known: true, unseen: 1, found: true, detail: "accepted by the kernel, and not seen leaving by eth0"},
		"lost its cable":       {method: PacketSocket, leg: leg{watched: true}, known: true, unseen: 1, lostItsCable: true, detail: "no carrier any more"},
		"into a tunnel":        {method: PacketSocket, leg: leg{watched: true, left: []int{tun0}, way: route(rtnetlink.Path{Interface: tun0})}, seen: 1, detail: "goes into tun0, a tunnel"},
		"to a router":          {method: PacketSocket, leg: leg{watched: true, left: left, way: route(rtnetlink.Path{Interface: eth0, Gateway: netip.MustParseAddr("192.168.1.1")})}, seen: 1, detail: "goes to the router 192.168.1.1, which decides"},
		"router is off":        {method: PacketSocket, leg: leg{watched: true, way: route(rtnetlink.Path{Interface: eth0, Gateway: netip.MustParseAddr("192.168.1.1")})}, known: true, unseen: 1, detail: "the router 192.168.1.1 does not answer ARP"},
		"stays":                {method: PacketSocket, leg: leg{way: route(rtnetlink.Path{Interface: lo, Broadcast: true})}, known: true, detail: "stays on this host"},
		"has gone":             {method: PacketSocket, leg: leg{way: route(rtnetlink.Path{Interface: 9})}, detail: "by which interface it left is not known"},
		"echo and count":       {method: OwnBroadcast, leg: leg{watched: true, echoed: true, left: left}, heard: true, known: true, seen: 1, detail: "came back"},
		"echo without count":   {method: OwnBroadcast, leg: leg{watched: true, echoed: true}, known: true, unseen: 1, found: true, detail: "passed the firewall's output rules, and eth0 did not count"},
		"count without echo":   {method: OwnBroadcast, leg: leg{watched: true, left: left}, unseen: 1, detail: "as root (CAP_NET_RAW), doctor sees what leaves"},
		"neither":              {method: OwnBroadcast, leg: leg{watched: true}, known: true, unseen: 1, found: true, detail: "not heard back, and eth0 did not count"},
		"cannot be heard back": {method: OwnBroadcast, leg: leg{left: left}, detail: "only IPv4 broadcasts can be heard back"},
		"nothing watches":      {method: NoMethod, leg: leg{}, detail: "nothing could watch whether it left (no sockets here)"},
	} {
		card := card(eth0, "eth0", "")
		if tt.lostItsCable {
			card.Flags &^= net.FlagRunning
		}
		tunnel := rtnetlink.Link{Index: tun0, Name: "tun0", Kind: "tun", Flags: net.FlagUp | net.FlagRunning | net.FlagPointToPoint}
		loopback := rtnetlink.Link{Index: lo, Name: "lo", Flags: net.FlagUp | net.FlagRunning | net.FlagLoopback}
		e := experiment{port: 9, method: tt.method, excuse: errors.New("no sockets here"), links: links{loopback, card, tunnel}}
		tt.leg.destination, tt.leg.out = "192.168.1.255:9", eth0
		if tt.leg.fixed() {
			tt.leg.out = tt.leg.way.path.Interface
		}
		tt.leg.outlets = []int{tt.leg.out}
		one := trial{iface: "eth0", legs: []leg{tt.leg}}
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
	e := experiment{port: 9, links: links{card(2, "eth0", "")}}
	for code, want := range map[wol.FailureCode]string{
		wol.FirewallRefused: "the kernel refused the probe to 192.168.1.255:9 ",
		wol.QueueFull:       "the probe to 192.168.1.255:9 found the queue full",
		"":                  "",
	} {
		found := e.firewall(trial{iface: "eth0", failed: []wol.Failure{{Destination: "192.168.1.255:9", Error: "words", Code: code}}})
		switch {
		case want == "" && len(found) == 0:
		case len(found) != 1 || want == "" || !strings.HasPrefix(found[0].Message, want):
			t.Errorf("%q: found %v", code, found)
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

// TestCounted has a bridge, whose ports count, and a second probe.
func TestCounted(t *testing.T) {
	t.Parallel()
	port := card(3, "eth0", "")
	port.Master = 2
	at := func(sent uint64) links {
		port.Sent = sent
		bridge := card(2, "br-lan", "bridge")
		bridge.Sent = 1000 * sent // it counts what it takes, and not what becomes of that
		return links{bridge, port}
	}
	broadcast := leg{out: 2, outlets: []int{3}, watched: true}
	unicast := leg{out: 2, outlets: []int{3}, way: way{destination: "192.168.1.7:9", to: netip.MustParseAddr("192.168.1.7")}}
	for name, tt := range map[string]struct {
		legs, echoes []leg
		sent         uint64 // of 5 before
		want         bool
	}{
		"enough":           {[]leg{broadcast, broadcast}, nil, 7, true},
		"more":             {[]leg{broadcast, broadcast}, nil, 9, true},
		"too few":          {[]leg{broadcast, broadcast}, nil, 6, false},
		"nothing":          {[]leg{broadcast}, nil, 5, false},
		"started again":    {[]leg{broadcast}, nil, 0, false},
		"of two probes":    {[]leg{broadcast}, []leg{broadcast}, 6, false},
		"both of them":     {[]leg{broadcast}, []leg{broadcast}, 7, true},
		"unicast may wait": {[]leg{broadcast, unicast}, nil, 6, true},
	} {
		e := experiment{links: at(tt.sent), trials: []trial{{legs: tt.legs, echoes: tt.echoes}}}
		if got := e.counted(at(5)); got != tt.want || (len(e.trials[0].legs[0].left) > 0) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestTook has the ports of a bridge, which all send what it sends, and of a bond,
// one of which does.
func TestTook(t *testing.T) {
	t.Parallel()
	counters := func(counts ...uint64) links {
		var list links
		for i, n := range counts {
			list = append(list, rtnetlink.Link{Index: i, Sent: n})
		}
		return list
	}
	before, outlets := counters(5, 5, 5), []int{0, 1, 2}
	for name, tt := range map[string]struct {
		now  links
		each bool
		want []int
	}{
		"every port":             {counters(7, 8, 7), true, []int{0, 1, 2}},
		"all but one":            {counters(7, 6, 7), true, []int{0, 2}},
		"one of the bond":        {counters(5, 7, 5), false, []int{1}},
		"two of the bond":        {counters(6, 5, 6), false, []int{0, 2}},
		"too few of the bond":    {counters(6, 5, 5), false, nil},
		"counts from the start":  {counters(0, 1, 2), true, nil},
		"one has gone":           {counters(7, 7), true, []int{0, 1}},
		"none":                   {before, true, nil},
		"of the bond, none":      {before, false, nil},
		"of the bond, one twice": {counters(9, 5, 5), false, []int{0}},
	} {
		if diff := cmp.Diff(tt.want, tt.now.took(before, outlets, 2, tt.each)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
