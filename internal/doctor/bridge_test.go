package doctor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/broadcast"
	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

// onBridge is a daemon that sends by the bridge alone.
func onBridge() setup { return setup{Port: 9, Only: broadcast.Names{"vmbr0"}} }

func TestBridge(t *testing.T) {
	for name, tt := range map[string]struct {
		live, dead []string // cards; those that are named like guests' are no uplinks
		tap        bool     // of a guest
		rules      string

		heard         bool
		codes         []string
		message, cure string
		detail        string
	}{
		"one uplink": {
			live: []string{"lan0"}, heard: true,
			detail: "seen leaving by lan0, to all 2 destinations",
		},
		"two uplinks and a guest": {
			live: []string{"lan0", "lan1", "vnet0"}, heard: true,
			detail: "seen leaving by lan0 and lan1, to all 2 destinations",
		},
		"one of two uplinks is dead": {
			live: []string{"lan0"}, dead: []string{"lan1"}, heard: true,
			detail: "seen leaving by lan0, to all 2 destinations",
		},
		"no cable, and a guest's tap": {
			dead: []string{"lan0"}, tap: true,
			codes: []string{"no_carrier vmbr0"}, message: "of the uplinks of this bridge, none is running (lan0: no carrier): only guests hear", cure: "plug the cable",
			detail: "accepted by the kernel, and only guests hear it",
		},
		"no cable, and a guest's pair": {
			dead: []string{"lan0", "lan1"}, live: []string{"veth1234"},
			codes: []string{"no_carrier vmbr0"}, message: "(lan0, lan1: no carrier)", cure: "--exclude-interfaces",
			detail: "only guests hear it",
		},
		"guests alone": {
			live: []string{"vnet0", "fwpr100p0"}, tap: true,
			codes: []string{"no_carrier vmbr0"}, message: "the ports of this bridge all lead to guests (", cure: "--exclude-interfaces",
			detail: "only guests hear it",
		},
		"egress rule at the uplink": {
			live: []string{"lan0"}, rules: egress("lan0", ""),
			codes: []string{"firewall vmbr0"}, message: "and it did not leave by lan0: ", cure: "tc -s filter show dev lan0 egress",
			detail: "accepted by the kernel, and not seen leaving by lan0",
		},
		"egress rule at the uplink beside a guest": {
			live: []string{"lan0", "vnet0"}, rules: egress("lan0", ""),
			codes: []string{"firewall vmbr0"}, message: "and it did not leave by lan0: ", cure: "tc -s filter show dev lan0 egress",
			detail: "accepted by the kernel, and not seen leaving by lan0",
		},
		"egress rule at the guest": {
			live: []string{"lan0", "vnet0"}, rules: egress("vnet0", ""), heard: true,
			detail: "seen leaving by lan0, to all 2 destinations",
		},
		"egress rule at one of two uplinks": {
			live: []string{"lan0", "lan1"}, rules: egress("lan1", ""), heard: true,
			codes: []string{"firewall vmbr0"}, message: "and it did not leave by lan1: ", cure: "tc -s filter show dev lan1 egress",
			detail: "seen leaving by lan0, to all 2 destinations; 255.255.255.255:9, 10.10.0.255:9: not seen leaving by lan1",
		},
		"egress rule at both": {
			live: []string{"lan0", "lan1"}, rules: "table bridge t { chain c { type filter hook output priority 0; ether type ip drop; }; }",
			codes: []string{"firewall vmbr0"}, message: "by lan0 and lan1: a rule of nftables (table bridge, or table netdev at the port)", cure: "tc -s filter show dev lan0 egress, tc -s filter show dev lan1 egress",
			detail: "not seen leaving by lan0 and lan1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := lantest.Bridge(t, "vmbr0", "10.10.0.1/24")
			cards := map[string]*lantest.LAN{}
			for _, card := range slices.Concat(tt.live, tt.dead) {
				cards[card] = lantest.New(t, card)
				b.AddPort(cards[card])
			}
			if tt.tap {
				guestTap(t, "guest0", "vmbr0")
			}
			for _, card := range tt.dead {
				cards[card].CarrierOff()
			}
			if tt.rules != "" {
				lantest.Firewall(t, tt.rules)
			}
			d, _ := onBridge().doctor(t)
			look, err := d.Look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			without := slices.DeleteFunc(slices.Clone(tt.codes), func(code string) bool { return strings.HasPrefix(code, "firewall") })
			if found := codes(look.Findings); !slices.Equal(found, without) {
				t.Errorf("looking found %v, want %v", found, without)
			}
			r := onBridge().examine(t)
			p := find(t, r, "vmbr0").Probe
			if r.OK != tt.heard || p.Heard != tt.heard || !p.Known || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("ok %v, probe %+v", r.OK, p)
			}
			if found := codes(r.Findings); !slices.Equal(found, tt.codes) {
				t.Fatalf("found %v, want %v", found, tt.codes)
			}
			if len(tt.codes) > 0 && (!strings.Contains(r.Findings[0].Message, tt.message) || !strings.Contains(r.Findings[0].Cure, tt.cure)) {
				t.Errorf("found %+v", r.Findings[0])
			}
			arrived := 0
			for card, one := range cards {
				if frames := len(one.Collect(quiet)); strings.HasPrefix(card, "lan") {
					arrived += frames
				}
			}
			if tt.heard != (arrived > 0) {
				t.Errorf("%d frames arrived at LANs", arrived)
			}
		})
	}
}

// guestTap gives a bridge a virtual machine, whose hypervisor is this test.
func guestTap(t *testing.T, name, bridge string) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		skip.Because(t, "cannot open /dev/net/tun: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // and the kernel removes the device
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	tap, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetMasterByIndex(tap, master.Attrs().Index); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(tap); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); tap.Attrs().RawFlags&unix.IFF_RUNNING == 0; time.Sleep(time.Millisecond) {
		if tap, err = netlink.LinkByName(name); err != nil || time.Now().After(end) {
			t.Fatalf("%s does not run (%v)", name, err)
		}
	}
}

// TestDestinationByABridge reaches the bridge by the routing table.
func TestDestinationByABridge(t *testing.T) {
	b := lantest.Bridge(t, "vmbr0", "10.10.0.1/24")
	uplink, guest := lantest.New(t, "lan0"), lantest.New(t, "vnet0")
	b.AddPort(uplink)
	b.AddPort(guest)
	s := setup{Port: 9, Fixed: "10.10.0.255"}
	if r := s.examine(t); !r.OK || len(r.Findings) > 0 {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
	uplink.CarrierOff()
	r := s.examine(t)
	if p := find(t, r, "").Probe; r.OK || p.Heard || !p.Known || !slices.Equal(codes(r.Findings), []string{"no_carrier vmbr0"}) {
		t.Errorf("ok %v, probe %+v, found %v", r.OK, p, r.Findings)
	}
	if frames := guest.Collect(quiet); len(frames) != 2 {
		t.Errorf("%d frames arrived at the guest", len(frames))
	}
	uplink.Down()
	if r := s.examine(t); r.OK || !strings.Contains(r.Findings[0].Message, "(lan0: switched off)") || !strings.HasPrefix(r.Findings[0].Cure, "switch on the card that leads to the LAN: sudo ip link set lan0 up, or ") {
		t.Errorf("ok %v, found %+v", r.OK, r.Findings)
	}
	// What is sent by interfaces would not take this one.
	lantest.Bridge(t, "docker0", "172.17.0.1/16")
	r = setup{Port: 9, Fixed: "172.17.255.255"}.examine(t)
	if p := find(t, r, "").Probe; r.OK || p.Heard || !p.Known || !slices.Equal(codes(r.Findings), []string{"bridge_without_ports docker0"}) {
		t.Errorf("ok %v, probe %+v, found %v", r.OK, p, r.Findings)
	}
}
