package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

func codes(findings []wol.Finding) []string {
	list := []string{}
	for _, f := range findings {
		list = append(list, strings.TrimSpace(f.Code+" "+f.Interface))
	}
	return list
}

func TestHealthyHostHasNoFindings(t *testing.T) {
	t.Parallel()
	lo := rtnetlink.Link{Name: "lo", Index: 1, Flags: net.FlagLoopback | net.FlagUp | net.FlagRunning}
	f := factsOf(nil, nil, []string{"eth0"}, links{lo, card(2, "eth0", "", "192.168.1.10/24"), card(3, "docker0", "bridge", "172.17.0.1/16")}, gateway(2, "192.168.1.1"))
	f.interfaces = append(f.interfaces, wol.Interface{Name: "eth1", Why: wol.NoCarrier, Reason: "no carrier"})
	f.routes = []route{{to: netip.MustParseAddr("255.255.255.255"), path: rtnetlink.Path{Interface: 2, Broadcast: true}}}
	if found := f.findings(); found == nil || len(found) > 0 {
		t.Errorf("found %v", found)
	}
	// Without a default route a plain broadcast goes nowhere, and ours do.
	f.routes[0] = route{to: f.routes[0].to, err: syscall.ENETUNREACH}
	if found := f.findings(); len(found) > 0 {
		t.Errorf("without a default route: found %v", found)
	}
}

func TestFailingInterfaces(t *testing.T) {
	t.Parallel()
	f := factsOf(nil, nil, []string{"eth0"}, links{card(2, "eth0", "")})
	var want []string
	for _, why := range []wol.Why{wol.Down, wol.NoCarrier, wol.BridgeWithoutPorts, wol.Missing} {
		f.interfaces = append(f.interfaces, wol.Interface{Name: "x", Why: why, Failing: true, Reason: "the reason", Cure: "the cure"})
		want = append(want, string(why)+" x")
	}
	found := f.findings()
	if diff := cmp.Diff(want, codes(found)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(found[0].Message, "the reason: ") || found[0].Cure != "the cure" {
		t.Errorf("found %+v", found[0])
	}
}

func TestNothingEligible(t *testing.T) {
	t.Parallel()
	port := card(4, "eth1", "", "192.168.1.2/24")
	port.Master = 3
	lan := card(3, "br-lan", "bridge", "192.168.1.1/24")
	down := card(2, "eth0", "")
	down.Flags = net.FlagBroadcast
	for name, tt := range map[string]struct {
		links links
		why   map[string]wol.Why // in place of excluded
		files fstest.MapFS
		cure  string
	}{
		"LAN bridge":        {links{lan, port, card(5, "docker0", "bridge", "172.17.0.1/16")}, nil, nil, "--interfaces=br-lan if"},
		"two":               {links{lan, card(6, "eth2", "", "10.0.0.1/24")}, nil, nil, "--interfaces=br-lan,eth2 if"},
		"engines' and such": {links{card(5, "docker0", "bridge", "172.17.0.1/16"), card(6, "virbr0", "bridge", "192.168.122.1/24"), card(7, "tap0", "tun", "10.8.0.1/24"), card(8, "br-0123456789ab", "bridge", "172.18.0.1/16")}, nil, nil, "connect this host by a network card"},
		"down":              {links{down}, map[string]wol.Why{"eth0": wol.Down}, nil, "sudo ip link set eth0 up"},
		"unplugged":         {links{down}, map[string]wol.Why{"eth0": wol.NoCarrier}, nil, "plug the cable of eth0 in"},
		"down or unplugged": {links{down, card(3, "eth1", "")}, map[string]wol.Why{"eth0": wol.Down, "eth1": wol.NoCarrier}, nil, "plug the cable of eth1 in at both ends and switch on what it leads to, or switch on the card that leads to the LAN: sudo ip link set eth0 up"},
		"no address":        {links{card(2, "br-lan", "bridge")}, nil, nil, "connect this host by a network card"},
		"nothing there":     {nil, nil, nil, "connect this host by a network card"},
		"in a container":    {links{card(2, "tap0", "tun", "10.0.2.100/24")}, nil, fstest.MapFS{".dockerenv": {}}, "run wol-server where the LAN is"},
	} {
		f := factsOf(tt.files, nil, nil, tt.links)
		for i, one := range f.interfaces {
			if why, ok := tt.why[one.Name]; ok {
				f.interfaces[i].Why = why
			}
		}
		found := f.findings()
		last := found[len(found)-1]
		if last.Code != noInterface || !strings.Contains(last.Cure, tt.cure) {
			t.Errorf("%s: found %+v", name, found)
		}
		if name == "unplugged" && strings.Contains(last.Cure, "ip link") {
			t.Errorf("%s: it is up: %s", name, last.Cure)
		}
	}
}

func TestRawRefused(t *testing.T) {
	t.Parallel()
	f := factsOf(nil, nil, []string{"eth0"}, links{card(2, "eth0", "")})
	f.rawRefused = "it needs CAP_NET_RAW"
	if found := f.findings(); len(found) != 1 || found[0].Code != rawRefused || !strings.Contains(found[0].Message, f.rawRefused) {
		t.Errorf("found %v", found)
	}
}

func TestTunnels(t *testing.T) {
	t.Parallel()
	point := rtnetlink.Link{Flags: net.FlagUp | net.FlagRunning | net.FlagPointToPoint}
	with := func(l rtnetlink.Link, kind string) rtnetlink.Link { l.Index, l.Kind = 7, kind; return l }
	for name, tt := range map[string]struct {
		link rtnetlink.Link
		want bool
	}{
		"tun":       {with(point, "tun"), true},
		"wireguard": {with(point, "wireguard"), true},
		"ppp":       {with(point, "ppp"), true},
		"modem":     {with(point, ""), true},
		"ipip":      {with(rtnetlink.Link{Flags: net.FlagUp}, "ipip"), true},
		"tap":       {card(7, "tap0", "tun"), false},
		"card":      {card(7, "eth0", ""), false},
		"vrf":       {with(rtnetlink.Link{Flags: net.FlagUp}, "vrf"), false},
		"loopback":  {with(rtnetlink.Link{Flags: net.FlagUp | net.FlagLoopback}, ""), false},
		"not there": {rtnetlink.Link{}, false},
	} {
		if got := tunnel(tt.link); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	route := func(to, via string, index int) rtnetlink.Route {
		r := rtnetlink.Route{Destination: netip.MustParsePrefix(to), Interface: index}
		if via != "" {
			r.Gateway = netip.MustParseAddr(via)
		}
		return r
	}
	routes := []rtnetlink.Route{
		route("0.0.0.0/0", "192.168.1.1", 2), route("0.0.0.0/0", "", 7), route("192.168.1.0/24", "", 2), route("10.0.0.0/8", "192.168.1.2", 2),
		route("::/0", "fe80::1", 2), route("fe80::/64", "", 2), route("ff00::/8", "", 2), route("2001:db8::/64", "", 2),
	}
	want := []string{"default via 192.168.1.1", "192.168.1.0/24", "10.0.0.0/8 via 192.168.1.2", "default via fe80::1", "2001:db8::/64"}
	if diff := cmp.Diff(want, routesBy(2, routes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"default"}, routesBy(7, routes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var many []rtnetlink.Route
	for i := range 140 {
		many = append(many, route(fmt.Sprintf("10.0.%d.0/24", i), "", 2))
	}
	if got := routesBy(2, many); len(got) != 21 || got[20] != "and 120 more" {
		t.Errorf("of 140 routes: %q", got)
	}
	if got := routesBy(3, many); got == nil || len(got) > 0 {
		t.Errorf("of another interface: %#v", got)
	}
}
