package rtnetlink

import (
	"strings"
	"testing"
)

// TestNames has what must not be mistaken: a LAN bridge, a card, a container's pair.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ engine, network, port bool }{
		"docker0": {engine: true}, "br-0123456789ab": {engine: true}, "cilium_host": {engine: true},
		"br-lan": {}, "br-0123456789": {}, "br0": {}, "docker1": {}, "vmbr0": {}, "fwbr100i0": {},
		"virbr0": {network: true}, "lxcbr0": {network: true, port: true}, "vmnet8": {network: true},
		"vnet3": {port: true}, "veth1a2b3c": {port: true}, "fwpr100p0": {port: true}, "vif1.0": {port: true}, "tap100i0": {port: true},
		"eth0": {}, "eno1": {}, "bond0": {}, "eth0.20": {}, "vxlan7": {}, "lan0": {},
	} {
		l := Link{Name: name, Kind: "veth"}
		if l.EngineNetwork() != want.engine || l.GuestNetwork() != want.network || l.GuestPort() != want.port {
			t.Errorf("%s: engine %v, network %v, port %v", name, l.EngineNetwork(), l.GuestNetwork(), l.GuestPort())
		}
	}
	if !(Link{Name: "eth0", Kind: "tun"}).GuestPort() {
		t.Error("a TAP device leads to no guest")
	}
}

// TestNamesAreInStep finds a glob that was added to one list alone.
func TestNamesAreInStep(t *testing.T) {
	t.Parallel()
	alone := map[string]bool{"cilium*": true, "vif*": true} // not left out by default so far
	for glob := range strings.SplitSeq(engineNetworks+","+guestNetworks+","+guestPorts, ",") {
		name := strings.NewReplacer("*", "0", hex4, "0000").Replace(glob)
		if named(name, NotLANs) == alone[glob] {
			t.Errorf("%s: NotLANs has it: %v", glob, alone[glob])
		}
	}
}
