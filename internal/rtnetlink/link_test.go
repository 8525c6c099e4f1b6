package rtnetlink

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

func TestLinkOfALAN(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	const everything = net.FlagUp | net.FlagBroadcast | net.FlagMulticast | net.FlagRunning
	got := find(t, "lana")
	if got.Kind != "veth" || !got.Ethernet || !got.PeerAway || got.Master != 0 || got.Flags != everything {
		t.Errorf("got %+v", got)
	}
	l.CarrierOff()
	if got := find(t, "lana").Flags; got != everything&^net.FlagRunning {
		t.Errorf("without a carrier flags are %v", got)
	}
	l.CarrierOn()
	if got := find(t, "lana").Flags; got != everything {
		t.Errorf("with a carrier flags are %v", got)
	}
	l.Down()
	if got := find(t, "lana").Flags; got != net.FlagBroadcast|net.FlagMulticast {
		t.Errorf("down, flags are %v", got)
	}
	l.Rename("wan0")
	if again := find(t, "wan0"); again.Index != got.Index {
		t.Errorf("a new name, and the index went from %d to %d", got.Index, again.Index)
	}
}

func TestLoopback(t *testing.T) {
	lantest.Require(t)
	got := find(t, "lo")
	want := Link{
		Name: "lo", Index: 1, Flags: net.FlagUp | net.FlagLoopback | net.FlagRunning,
		Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBridgeAndItsPort(t *testing.T) {
	lantest.Bridge(t, "br0", "172.17.0.1/16")
	pair(t, "porta", "loose")
	must(t, "make a port", netlink.LinkSetMaster(byName(t, "porta"), byName(t, "br0")))
	br, port, loose := find(t, "br0"), find(t, "porta"), find(t, "loose")
	if br.Kind != "bridge" || !br.Ethernet || br.Master != 0 || br.PeerAway {
		t.Errorf("the bridge is %+v", br)
	}
	if port.Kind != "veth" || port.Master != br.Index || port.PeerAway {
		t.Errorf("the port is %+v", port)
	}
	if loose.Kind != "veth" || loose.Master != 0 || loose.PeerAway {
		t.Errorf("the port's far end is %+v", loose)
	}
	must(t, "make no port", netlink.LinkSetNoMaster(byName(t, "porta")))
	if got := find(t, "porta"); got.Master != 0 {
		t.Errorf("no port any more: %+v", got)
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

// Both ask the kernel the same, so both have to understand the same.
func TestLinksAgreeWithPackageNet(t *testing.T) {
	withoutDAD(t)
	lantest.New(t, "lana", "10.10.0.1/24", "10.10.1.1/31", "fe80::1/64")
	lantest.New(t, "lanb", "10.20.0.1/24").CarrierOff()
	lantest.New(t, "lanc", "10.30.0.1/32").Down()
	lantest.Bridge(t, "br0", "172.17.0.1/16")
	pair(t, "a", "b")
	want, err := net.Interfaces()
	must(t, "list interfaces", err)
	got, err := Links()
	must(t, "list links", err)
	if !slices.IsSortedFunc(got, func(a, b Link) int { return a.Index - b.Index }) {
		t.Errorf("not ordered by index: %+v", got)
	}
	slices.SortFunc(want, func(a, b net.Interface) int { return a.Index - b.Index })
	if len(got) != len(want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
	for i, w := range want {
		if g := got[i]; g.Name != w.Name || g.Index != w.Index || g.Flags != w.Flags {
			t.Errorf("got %+v, want %+v", g, w)
		}
		addresses, err := w.Addrs()
		must(t, "list addresses", err)
		if g, w := fmt.Sprint(got[i].Addresses), fmt.Sprint(addresses); g != w {
			t.Errorf("%s: got %s, want %s", got[i].Name, g, w)
		}
	}
}

func TestSixHundredLinks(t *testing.T) {
	const pairs = 300
	elsewhere(t, func(netns.NsHandle) error {
		for n := range pairs {
			attrs := netlink.NewLinkAttrs()
			attrs.Name = fmt.Sprintf("a%d", n)
			l := &netlink.Veth{LinkAttrs: attrs, PeerName: fmt.Sprintf("b%d", n)}
			if err := netlink.LinkAdd(l); err != nil {
				return err
			}
			address := &net.IPNet{IP: net.IPv4(10, 10, byte(n/200), byte(n%200+1)), Mask: net.CIDRMask(32, 32)}
			if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: address}); err != nil {
				return err
			}
		}
		start := time.Now()
		links, err := Links()
		took := time.Since(start)
		if err != nil {
			return err
		}
		addresses := 0
		for _, l := range links {
			addresses += len(l.Addresses)
		}
		if len(links) != 2*pairs+1 || addresses != pairs {
			t.Errorf("got %d links with %d addresses", len(links), addresses)
		}
		t.Logf("%d links and %d addresses took %v", len(links), addresses, took)
		return nil
	})
}

// A host that starts and stops containers all the time is still read.
func TestLinksWhileTheyComeAndGo(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			for range 20 {
				attrs := netlink.NewLinkAttrs()
				attrs.Name = "brief"
				l := &netlink.Bridge{LinkAttrs: attrs}
				if err := netlink.LinkAdd(l); err != nil {
					return err
				}
				address := &net.IPNet{IP: net.IPv4(10, 20, 0, 1), Mask: net.CIDRMask(24, 32)}
				if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: address}); err != nil {
					return err
				}
				if err := netlink.LinkDel(l); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	for reads := 0; ; reads++ {
		links, err := Links()
		must(t, "list links", err)
		ours := slices.IndexFunc(links, func(l Link) bool { return l.Name == "lana" })
		if ours < 0 || !slices.Contains(links[ours].Addresses, netip.MustParsePrefix("10.10.0.1/24")) {
			t.Errorf("lana is not whole in %+v", links)
		}
		select {
		case err := <-done:
			must(t, "make and delete", err)
			t.Logf("read %d times", reads)
			return
		default:
		}
	}
}
