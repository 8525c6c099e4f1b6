package rtnetlink

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

// TestLinks has an interface of each sort. Package net asks the kernel the same, so
// what both read must agree.
func TestLinks(t *testing.T) {
	withoutDAD(t)
	lantest.New(t, "lana", "10.10.0.1/24", "10.10.0.2/24", "10.10.1.1/31", "10.10.2.1/32", "fe80::1/64", "2001:db8::1/128")
	lantest.New(t, "lanb", "10.20.0.1/24").CarrierOff()
	lantest.New(t, "lanc", "10.30.0.1/32").Down()
	lantest.Bridge(t, "br0", "172.17.0.1/16")
	pair(t, "porta", "loose")
	must(t, "make a port", netlink.LinkSetMaster(byName(t, "porta"), byName(t, "br0")))
	type sort struct {
		kind                  string
		ethernet, port, apart bool
	}
	bridge := find(t, "br0").Index
	for name, want := range map[string]sort{
		"lo": {}, "lana": {"veth", true, false, true}, "br0": {"bridge", true, false, false},
		"porta": {"veth", true, true, false}, "loose": {"veth", true, false, false},
	} {
		got := find(t, name)
		if (sort{got.Kind, got.Ethernet, got.Master == bridge, got.PeerAway}) != want || got.Master != 0 && !want.port {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	wants, err := net.Interfaces()
	must(t, "list interfaces", err)
	got, err := Links()
	must(t, "list links", err)
	if len(got) != len(wants) || !slices.IsSortedFunc(got, func(a, b Link) int { return a.Index - b.Index }) {
		t.Fatalf("got %+v\nwant %+v", got, wants)
	}
	for _, want := range wants {
		g := find(t, want.Name)
		addresses, err := want.Addrs()
		must(t, "list addresses", err)
		if g.Index != want.Index || g.Flags != want.Flags || fmt.Sprint(g.Addresses) != fmt.Sprint(addresses) {
			t.Errorf("got %+v, want %+v with %v", g, want, addresses)
		}
	}
	must(t, "make no port", netlink.LinkSetNoMaster(byName(t, "porta")))
	if got := find(t, "porta"); got.Master != 0 {
		t.Errorf("no port any more: %+v", got)
	}
}

// TestAltNames gives an interface further names, one longer than a name may be.
func TestAltNames(t *testing.T) {
	lantest.New(t, "lana")
	want := []string{"lana", "enp3s0", "enx0211223344550211223344"}
	for _, name := range want[1:] {
		must(t, "add altname "+name, netlink.LinkAddAltName(byName(t, "lana"), name))
	}
	l := find(t, "lana")
	if got := l.Names(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, zone := range want {
		if index, ok := Zone([]Link{l}, zone); !ok || index != l.Index {
			t.Errorf("zone %s: %d, %v", zone, index, ok)
		}
	}
}

func TestTunAndTap(t *testing.T) {
	for mode, ethernet := range map[netlink.TuntapMode]bool{netlink.TUNTAP_MODE_TUN: false, netlink.TUNTAP_MODE_TAP: true} {
		lantest.Require(t)
		attrs := netlink.NewLinkAttrs()
		attrs.Name = fmt.Sprintf("tunnel%d", mode)
		l := &netlink.Tuntap{LinkAttrs: attrs, Mode: mode}
		if err := netlink.LinkAdd(l); err != nil {
			skip.Because(t, fmt.Sprintf("no TUN/TAP: %v", err))
		}
		t.Cleanup(func() { _ = netlink.LinkDel(l) })
		got := find(t, attrs.Name)
		if got.Kind != "tun" || got.Ethernet != ethernet || got.Flags&net.FlagPointToPoint != 0 == ethernet {
			t.Errorf("mode %d: got %+v", mode, got)
		}
	}
}

// A macvlan's card can be in another namespace, as it is in a container with a
// macvlan network. That does not make it one end of a pair.
func TestMacvlanIsNoPair(t *testing.T) {
	lantest.New(t, "lana")
	card := byName(t, "lana").Attrs().Index
	elsewhere(t, func(home netns.NsHandle) error {
		here, err := netns.Get()
		if err != nil {
			return err
		}
		defer here.Close()
		handle, err := netlink.NewHandleAt(home)
		if err != nil {
			return err
		}
		defer handle.Close()
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex, attrs.Namespace = "mac0", card, netlink.NsFd(here)
		if err := handle.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
			return err
		}
		links, err := Links()
		if err != nil {
			return err
		}
		if len(links) != 2 || links[1].Kind != "macvlan" || links[1].PeerAway || !links[1].Ethernet {
			t.Errorf("got %+v", links)
		}
		return nil
	})
}
