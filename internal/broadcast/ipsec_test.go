package broadcast

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// policy gives this host a policy for what leaves from a network, to all or to one
// destination. Without the state that it asks for, the kernel drops what it takes in.
func policy(t *testing.T, from, to string, priority int, with func(*netlink.XfrmPolicy)) {
	t.Helper()
	_, src, err := net.ParseCIDR(from)
	if err != nil {
		t.Fatal(err)
	}
	_, dst, err := net.ParseCIDR(to)
	if err != nil {
		t.Fatal(err)
	}
	one := &netlink.XfrmPolicy{Src: src, Dst: dst, Dir: netlink.XFRM_DIR_OUT, Priority: priority}
	with(one)
	if err := netlink.XfrmPolicyAdd(one); err != nil {
		skip.Because(t, "no IPsec policies: "+err.Error())
	}
	t.Cleanup(func() { _ = netlink.XfrmPolicyDel(one) })
}

func encrypt(p *netlink.XfrmPolicy) {
	p.Tmpls = []netlink.XfrmPolicyTmpl{{Src: net.IPv4(10, 90, 0, 1), Dst: net.IPv4(10, 90, 0, 2), Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL}}
}

func block(p *netlink.XfrmPolicy) { p.Action = netlink.XFRM_POLICY_BLOCK }

func pass(*netlink.XfrmPolicy) {}

// TestIPsecIsNamed has a policy between two wakes. The kernel calls what it swallows a
// success.
func TestIPsecIsNamed(t *testing.T) {
	for name, with := range map[string]func(*netlink.XfrmPolicy){"encrypt": encrypt, "block": block} {
		t.Run(name, func(t *testing.T) {
			lan := lantest.New(t, "lan0", "10.90.0.1/24")
			s := open(t, Config{Port: 9, Repeat: 1})
			t.Cleanup(func() { _ = s.Close(0) })
			wake := func() ([]wol.Receipt, error) {
				return s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
			}
			if got, err := wake(); err != nil || got[0].Status != wol.Sent {
				t.Fatalf("%v, %+v", err, got)
			}
			policy(t, "10.90.0.0/24", "0.0.0.0/0", 10, with)
			// The cure: a policy of higher priority that lets pass.
			policy(t, "0.0.0.0/0", "10.90.0.255/32", 1, pass)
			got, err := wake()
			if err != nil || got[0].Status != wol.Partial || len(got[0].Failed) != 1 || got[0].Failed[0].Destination != "255.255.255.255:9" || got[0].Failed[0].Code != wol.IPsecDropped {
				t.Fatalf("%v, %+v", err, got)
			}
			if frames := lan.Collect(50 * time.Millisecond); len(frames) != 2+1 {
				t.Errorf("%d frames arrived", len(frames))
			}
		})
	}
}

// TestIPsecOfOthers has another program's packets dropped while ours leave.
func TestIPsecOfOthers(t *testing.T) {
	lantest.New(t, "lan0", "10.90.0.1/24", "10.91.0.1/24")
	policy(t, "10.91.0.1/32", "10.91.0.7/32", 10, encrypt)
	s := open(t, Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("10.90.0.255:9"), netip.MustParseAddrPort("10.91.0.7:9")}, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if err != nil || len(got[0].Sent) != 1 || got[0].Sent[0].Destination != "10.90.0.255:9" || len(got[0].Failed) != 1 {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestIPsecOfOtherCalls has another call send all the time what a policy drops: it moves
// the counters as well, and must not make this call's delivered packets failures.
func TestIPsecOfOtherCalls(t *testing.T) {
	lantest.New(t, "lan0", "10.90.0.1/24", "10.91.0.1/24")
	policy(t, "10.91.0.1/32", "10.91.0.7/32", 10, encrypt)
	s := open(t, Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("10.90.0.255:9"), netip.MustParseAddrPort("10.91.0.7:9")}, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	now, err := s.survey()
	if err != nil || len(now.destinations) != 2 {
		t.Fatalf("%v, %+v", err, now)
	}
	packets, err := marshal([]wol.Target{{MAC: woltest.MAC(2)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() {
		for failed := make([]error, 1); ctx.Err() == nil; {
			now.destinations[1].send(packets, failed)
		}
	})
	for range 100 {
		got, err := s.Wake(ctx, wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
		if err != nil || len(got[0].Sent) != 1 || got[0].Sent[0].Destination != "10.90.0.255:9" {
			t.Fatalf("%v, %+v", err, got)
		}
	}
}
