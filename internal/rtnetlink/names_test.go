package rtnetlink

import (
	"net"
	"strings"
	"testing"
)

// TestNames has what must not be mistaken: a LAN bridge, a card, a container's pair.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ engine, network, port bool }{
		"docker0": {engine: true}, "br-0123456789ab": {engine: true}, "cilium_host": {engine: true},
		"vxlan.calico": {engine: true}, "hassio": {engine: true}, "genev_sys_6081": {engine: true}, "antrea-gw0": {engine: true}, "mpqemubr0": {network: true},
		"br-lan": {}, "br-0123456789": {}, "br0": {}, "docker1": {}, "vmbr0": {}, "fwbr100i0": {},
		"virbr0": {network: true}, "lxcbr0": {network: true, port: true}, "vmnet8": {network: true},
		"vnet3": {port: true}, "veth1a2b3c": {port: true}, "fwpr100p0": {port: true}, "vif1.0": {port: true}, "tap100i0": {port: true},
		"eth0": {}, "eno1": {}, "bond0": {}, "eth0.20": {}, "vxlan7": {}, "lan0": {},
	} {
		l := Link{Name: name, Kind: "veth"}
		if l.EngineNetwork() != want.engine || l.GuestNetwork() != want.network || l.GuestPort(true) != want.port {
			t.Errorf("%s: engine %v, network %v, port %v", name, l.EngineNetwork(), l.GuestNetwork(), l.GuestPort(true))
		}
	}
}

// TestKinds has interfaces whose names say nothing, on a host with a card and in a
// container without one.
func TestKinds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		link         Link
		host, inside bool // off the LAN
	}{
		"card":                  {Link{}, false, false},
		"vlan":                  {Link{Kind: "vlan"}, false, false},
		"macvlan":               {Link{Kind: "macvlan"}, false, false},
		"vxlan":                 {Link{Kind: "vxlan"}, true, true},
		"geneve":                {Link{Kind: "geneve"}, true, true},
		"TAP":                   {Link{Kind: "tun"}, true, true},
		"pair of this host":     {Link{Kind: "veth"}, false, false},
		"pair into elsewhere":   {Link{Kind: "veth", PeerAway: true}, true, false},
		"netkit into elsewhere": {Link{Kind: "netkit", PeerAway: true}, true, false},
	} {
		tt.link.Name = "x0"
		if got := tt.link.OffLAN(true); got != tt.host || tt.link.GuestPort(true) != tt.host {
			t.Errorf("%s, with a card: off the LAN %v", name, got)
		}
		if got := tt.link.OffLAN(false); got != tt.inside || tt.link.GuestPort(false) != tt.inside {
			t.Errorf("%s, without a card: off the LAN %v", name, got)
		}
	}
	lo, pair, xen := Link{Name: "lo", Flags: net.FlagLoopback}, Link{Name: "eth0", Kind: "veth", PeerAway: true}, Link{Name: "vif1.0"}
	if Hardware([]Link{lo, pair, xen}) || !Hardware([]Link{lo, pair, {Name: "eth1"}}) {
		t.Error("hardware")
	}
}

// TestNamesAreInStep finds a glob that was added to one list alone.
func TestNamesAreInStep(t *testing.T) {
	t.Parallel()
	alone := map[string]bool{"vif*": true} // not left out by default so far
	for glob := range strings.SplitSeq(engineNetworks+","+guestNetworks+","+guestPorts, ",") {
		name := strings.NewReplacer("*", "0", hex4, "0000").Replace(glob)
		if named(name, NotLANs) == alone[glob] {
			t.Errorf("%s: NotLANs has it: %v", glob, alone[glob])
		}
	}
}
