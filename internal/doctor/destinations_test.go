package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
)

func TestConfiguredDestinations(t *testing.T) {
	for name, tt := range map[string]struct {
		destinations string
		ok, known    bool
		seen         []string
		routes       []string
		codes        []string
		detail       string
	}{
		"directed broadcast": {
			"10.10.0.255:40009", true, true, []string{"10.10.0.255:40009"},
			[]string{"10.10.0.255 broadcast by lana"}, nil, "seen leaving by lana",
		},
		"limited broadcast": {
			"255.255.255.255", true, true, []string{"255.255.255.255:9"},
			[]string{"255.255.255.255 broadcast by lana"}, nil, "seen leaving by lana",
		},
		"through a router": {
			"192.168.20.255", false, false, []string{"192.168.20.255:9"},
			[]string{"192.168.20.255 via 10.10.0.254 by lana"}, nil, "seen leaving by lana; 192.168.20.255:9: goes to the router 10.10.0.254, which decides",
		},
		"a host of the Internet": {
			"8.8.8.8", false, false, []string{"8.8.8.8:9"},
			[]string{"8.8.8.8 via 10.10.0.254 by lana"}, nil, "8.8.8.8:9: goes to the router 10.10.0.254, which decides",
		},
		"through a router and to the LAN": {
			"192.168.20.255,10.10.0.255", true, true, []string{"192.168.20.255:9", "10.10.0.255:9"},
			[]string{"192.168.20.255 via 10.10.0.254 by lana", "10.10.0.255 broadcast by lana"}, nil, "192.168.20.255:9: goes to the router",
		},
		"a computer that is off": {
			"10.10.0.7", false, true, nil,
			[]string{"10.10.0.7 by lana"}, nil, "nobody answers ARP for 10.10.0.7",
		},
		"all nodes": {
			"[ff02::1%lana]:9", true, true, []string{"[ff02::1%lana]:9"},
			[]string{"ff02::1%lana by lana"}, nil, "seen leaving by lana",
		},
		"a zone that is not there": {
			"[ff02::1%nope0]:9", false, true, nil,
			[]string{"ff02::1%nope0: no such network interface"}, []string{"no_route"}, "not sent, no such network interface",
		},
		"a zone of no number": {
			"[ff02::1%4000]:9", false, true, nil,
			[]string{"ff02::1%4000: no such network interface"}, []string{"no_route"}, "not sent, no such network interface",
		},
		"loopback": {
			"127.255.255.255", false, true, nil,
			[]string{"127.255.255.255 stays on this host"}, []string{"local_only"}, "127.255.255.255:9: stays on this host",
		},
		"own address": {
			"10.10.0.1", false, true, nil,
			[]string{"10.10.0.1 stays on this host"}, []string{"local_only"}, "10.10.0.1:9: stays on this host",
		},
		"loopback and a LAN": {
			"127.255.255.255,10.10.0.255", true, true, []string{"10.10.0.255:9"},
			[]string{"127.255.255.255 stays on this host", "10.10.0.255 broadcast by lana"}, []string{"local_only"}, "seen leaving by lana, to 1 of 2 destinations",
		},
		"tunnel": {
			"192.168.30.255", false, false, []string{"192.168.30.255:9"},
			[]string{"192.168.30.255 by tun0"}, []string{"vpn tun0"}, "seen leaving by tun0; 192.168.30.255:9: goes into tun0, a tunnel",
		},
		"unreachable": {
			"192.168.40.255", false, true, nil,
			[]string{"192.168.40.255: network is unreachable"}, []string{"no_route"}, "192.168.40.255:9: not sent, network is unreachable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
			switch name {
			case "tunnel":
				lantest.Tunnel(t, "tun0", "10.99.0.1/24").DefaultRoute()
			case "unreachable":
			default:
				l.DefaultRoute()
			}
			r := setup{Port: 9, Fixed: tt.destinations}.examine(t)
			p := find(t, r, "").Probe
			if r.OK != tt.ok || p.Heard != tt.ok || p.Known != tt.known || !slices.Equal(p.Seen, tt.seen) || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("ok %v, probe %+v", r.OK, p)
			}
			if diff := cmp.Diff(tt.routes, r.Interfaces[0].Routes); diff != "" {
				t.Errorf("routes (-want +got):\n%s", diff)
			}
			if found := codes(r.Findings); !slices.Equal(found, tt.codes) {
				t.Errorf("found %v, want %v", found, tt.codes)
			}
			if arrived := len(l.Collect(quiet)); name != "tunnel" && arrived != len(p.Seen) {
				t.Errorf("%d frames arrived, and %d were seen to leave", arrived, len(p.Seen))
			}
		})
	}
}

// TestConfiguredDestinationWithoutItsLAN pulls the cable of the LAN that a destination is
// the broadcast address of.
func TestConfiguredDestinationWithoutItsLAN(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24").CarrierOff()
	lantest.New(t, "lanb", "10.20.0.1/24").DefaultRoute()
	r := setup{Port: 9, Fixed: "10.10.0.255"}.examine(t)
	if p := find(t, r, "").Probe; r.OK || p.Heard || !p.Known || p.Detail != "10.10.0.255:9: not sent, no carrier (lana)" {
		t.Errorf("ok %v, probe %+v", r.OK, p)
	}
	if !slices.Equal(codes(r.Findings), []string{"no_carrier"}) || r.Findings[0].Message != "10.10.0.255:9: no carrier (lana): no packet reaches a LAN there, and every receipt says so" {
		t.Errorf("found %+v", r.Findings)
	}
}

func TestNoRoute(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	d, _ := setup{Port: 9, Fixed: "192.168.40.255,[ff02::1%nope0]:9,10.10.0.255"}.doctor(t)
	look, err := d.Look(t.Context())
	if err != nil || !slices.Equal(codes(look.Findings), []string{"no_route", "no_route"}) {
		t.Fatalf("%v, found %v", err, look.Findings)
	}
	want := []string{
		"packets to 192.168.40.255:9 cannot leave: network is unreachable",
		"packets to [ff02::1%nope0]:9 cannot leave: no such network interface",
	}
	if diff := cmp.Diff(want, []string{look.Findings[0].Message, look.Findings[1].Message}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTunnel(t *testing.T) {
	for name, route := range map[string]func(*lantest.TunnelLink){
		"default route":  (*lantest.TunnelLink).DefaultRoute,
		"its two halves": (*lantest.TunnelLink).DefaultRouteHalves,
	} {
		t.Run(name, func(t *testing.T) {
			l := lantest.New(t, "lana", "10.10.0.1/24")
			l.DefaultRoute()
			d, _ := setup{Port: 9}.doctor(t)
			tun := lantest.Tunnel(t, "tun0", "10.99.0.1/24")
			if look, err := d.Look(t.Context()); err != nil || len(look.Findings) > 0 {
				t.Errorf("before: %v, found %v", err, look.Findings)
			}
			route(tun)
			look, err := d.Look(t.Context())
			if err != nil || !slices.Equal(codes(look.Findings), []string{"vpn tun0"}) {
				t.Errorf("%v, found %v", err, look.Findings)
			}
			if n := tun.Packets() + len(l.Collect(quiet)); n > 0 {
				t.Errorf("looking sent %d packets", n)
			}
			// Its own broadcasts are not affected.
			if r := (setup{Port: 9}).examine(t); !r.OK || tun.Packets() > 0 {
				t.Errorf("ok %v, %d packets in the tunnel", r.OK, tun.Packets())
			}
		})
	}
}
