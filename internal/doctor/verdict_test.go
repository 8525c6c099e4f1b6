package doctor

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// TestVerdictByMethod has one accepted probe, and what each method knows of it.
func TestVerdictByMethod(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method       Method
		leg          leg
		heard, known bool
		seen, unseen int
		found        bool // a firewall
		detail       string
		lostItsCable bool
	}{
		"seen":                 {method: PacketSocket, leg: leg{watched: true, seenAt: []int{2}}, heard: true, known: true, seen: 1, detail: "seen leaving the card"},
		"not seen":             {method: PacketSocket, leg: leg{watched: true}, known: true, unseen: 1, found: true, detail: "accepted by the kernel, and not seen leaving"},
		"lost its cable":       {method: PacketSocket, leg: leg{watched: true}, known: true, unseen: 1, lostItsCable: true, detail: "not seen leaving"},
		"into a tunnel":        {method: PacketSocket, leg: leg{watched: true, seenAt: []int{2}, tunnel: "tun0"}, seen: 1, detail: "goes into tun0, a tunnel"},
		"stays":                {method: PacketSocket, leg: leg{stays: true}, known: true, detail: "stays on this host"},
		"has gone":             {method: PacketSocket, leg: leg{out: -1}, detail: "by which interface it left is not known"},
		"echo and count":       {method: OwnBroadcast, leg: leg{watched: true, seenAt: []int{2}, counted: true}, heard: true, known: true, seen: 1, detail: "came back"},
		"echo without count":   {method: OwnBroadcast, leg: leg{watched: true, seenAt: []int{2}}, known: true, unseen: 1, found: true, detail: "passed the firewall's output rules"},
		"count without echo":   {method: OwnBroadcast, leg: leg{watched: true, counted: true}, unseen: 1, detail: "as root (CAP_NET_RAW), doctor sees what leaves"},
		"neither":              {method: OwnBroadcast, leg: leg{watched: true}, known: true, unseen: 1, found: true, detail: "not heard back, and the interface did not count"},
		"cannot be heard back": {method: OwnBroadcast, leg: leg{counted: true}, detail: "only IPv4 broadcasts can be heard back"},
		"nothing watches":      {method: NoMethod, leg: leg{}, detail: "nothing could watch whether it left (no sockets here)"},
	} {
		eth0 := card(2, "eth0", "")
		if tt.lostItsCable {
			eth0.Flags &^= ethernet
		}
		e := experiment{port: 9, method: tt.method, excuse: errors.New("no sockets here"), links: links{eth0}}
		tt.leg.destination, tt.leg.out = "192.168.1.255:9", tt.leg.out+2
		if tt.leg.out == 1 {
			tt.leg.out = 0
		}
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
	for message, want := range map[string]string{
		"a firewall on this host refuses it (operation not permitted)":   "the kernel refused the probe to 192.168.1.255:9 ",
		"queue is full, the interface does not take packets fast enough": "the probe to 192.168.1.255:9 found the queue full",
		"network is down":                 "",
		"the call ended before its turn.": "",
	} {
		found := e.firewall(trial{iface: "eth0", failed: []wol.Failure{{Destination: "192.168.1.255:9", Error: message}}})
		switch {
		case want == "" && len(found) == 0:
		case len(found) != 1 || want == "" || !strings.HasPrefix(found[0].Message, want):
			t.Errorf("%q: found %v", message, found)
		}
		// A raw frame is refused for want of a capability.
		raw := e.firewall(trial{iface: "eth0", failed: []wol.Failure{{Destination: "ff:ff:ff:ff:ff:ff/0x0842", Error: message}}})
		if strings.Contains(message, "permitted") && len(raw) > 0 {
			t.Errorf("raw: found %v", raw)
		}
	}
}

func TestUnicast(t *testing.T) {
	t.Parallel()
	e := experiment{port: 9, method: PacketSocket, links: links{card(2, "eth0", "")}}
	to := netip.MustParseAddr("192.168.20.255")
	l := leg{destination: "192.168.20.255:9", out: 2, fixed: true, watched: true, way: way{to: to, path: rtnetlink.Path{Interface: 2, Gateway: netip.MustParseAddr("192.168.1.1")}}}
	one := trial{legs: []leg{l}}
	if p := e.verdict(one); !strings.Contains(p.Detail, "the router 192.168.1.1 does not answer ARP") {
		t.Errorf("%+v", p)
	}
	if found := e.firewall(one); len(found) > 0 {
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
	broadcast := leg{out: 2}
	unicast := leg{out: 2, fixed: true, way: way{to: netip.MustParseAddr("192.168.1.7")}}
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
		if got := e.counted(at(5)); got != tt.want || e.trials[0].legs[0].counted != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
