package broadcast

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) { lantest.Main(m) }

// TestInterfacesAreFollowedWithoutBeingTold takes away the watch for changes, and changes
// an address: reading again finds it within a second.
func TestInterfacesAreFollowedWithoutBeingTold(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	if err := s.watch.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.followed
	s.watch, s.validity = nil, unwatchedValidity

	reaches := func(to string) bool {
		t.Helper()
		now, err := s.survey()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(now.destinations, func(d destination) bool { return d.text == to })
	}
	if !reaches("10.90.0.255:9") {
		t.Fatal("no packet would go to the first address's broadcast")
	}
	lan.AddAddress("10.91.0.1/24")
	for began := time.Now(); !reaches("10.91.0.255:9"); {
		if time.Since(began) > time.Second {
			t.Fatal("the second address is not known after a second")
		}
	}
}

// TestADirectedBroadcastNeedsItsAddress sends as a call does whose survey is a moment
// too old: the kernel must not take the broadcast of an address that has gone for a
// host on the link, which it would ask for its MAC and call that a success.
func TestADirectedBroadcastNeedsItsAddress(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24", "10.91.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	old, err := s.survey()
	if err != nil {
		t.Fatal(err)
	}
	lan.DelAddress("10.91.0.1/24")
	packets, err := marshal([]wol.Target{{MAC: woltest.MAC(1)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range old.destinations {
		failed := make([]error, 1)
		d.send(packets, failed)
		if gone := d.text == "10.91.0.255:9"; (failed[0] != nil) != gone {
			t.Errorf("%s: %v", d.text, failed[0])
		}
	}
	if frames := lan.Collect(100 * time.Millisecond); len(frames) != 2 {
		t.Errorf("%d packets, want those to the limited broadcast and the other prefix", len(frames))
	}
}

// TestSocketsGoWithTheirInterface makes and removes cards.
func TestSocketsGoWithTheirInterface(t *testing.T) {
	lantest.Require(t)
	s := open(t, Config{Port: 9, Repeat: 1, IPv6: true, Raw: true})
	t.Cleanup(func() { _ = s.Close(0) })
	for range 5 {
		lan := lantest.New(t, "lan0", "10.90.0.1/24", "fe80::1/64")
		waitSockets(t, s, 3)
		lan.Delete()
		waitSockets(t, s, 0)
	}
}

func waitSockets(t *testing.T, s *Sender, want int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := s.survey(); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		open := len(s.sockets)
		s.mu.Unlock()
		if open == want {
			return
		}
		if time.Since(began) > time.Second {
			t.Fatalf("%d sockets, want %d", open, want)
		}
	}
}

// TestARouteIsFollowed takes a broadcast out of the routing tables.
func TestARouteIsFollowed(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	wake := func() wol.Receipt {
		receipts, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
		if err != nil {
			t.Fatal(err)
		}
		return receipts[0]
	}
	if got := wake(); got.Status != wol.Sent {
		t.Errorf("receipt %+v", got)
	}
	lan.DelBroadcast("10.90.0.255")
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if got := wake(); got.Status == wol.Partial && len(got.Failed) == 1 && got.Failed[0].Destination == "10.90.0.255:9" {
			return
		}
		if time.Since(began) > time.Second {
			t.Fatalf("receipt %+v", wake())
		}
	}
}

// TestAnAltnameIsAName gives a card one more name, and uses it wherever a name is used.
func TestAnAltnameIsAName(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	lantest.New(t, "lan1", "10.91.0.1/24")
	lan.AltName("enp3s0")
	for name, tt := range map[string]struct {
		only, except string
		request      string
		want         []string // by which packets leave
	}{
		"request":           {request: "enp3s0", want: []string{"lan0"}},
		"--interfaces":      {only: "enp3s0", want: []string{"lan0"}},
		"a glob":            {only: "enp*", want: []string{"lan0"}},
		"named twice":       {only: "enp3s0,lan0", request: "lan0", want: []string{"lan0"}},
		"excluded":          {except: "enp3s0", want: []string{"lan1"}},
		"excluded by glob":  {except: "en*", want: []string{"lan1"}},
		"asked, though not": {except: "enp3s0", request: "enp3s0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Config{Port: 9, Repeat: 1, Selection: Selection{Only: names(t, tt.only), Except: names(t, tt.except)}})
			t.Cleanup(func() { _ = s.Close(0) })
			receipts, err := s.Wake(t.Context(), wol.Request{Interface: tt.request, Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
			if tt.want == nil {
				if wol.KindOf(err) != wol.Invalid {
					t.Errorf("%v, want kind invalid", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, d := range receipts[0].Sent {
				left = append(left, d.Interface)
			}
			if got := slices.Compact(left); !slices.Equal(got, tt.want) || len(receipts[0].Failed) > 0 {
				t.Errorf("%+v, want packets by %v alone", receipts[0], tt.want)
			}
		})
	}
}

// TestASmallMTUIsAFailure has frames that a magic packet does not fit into.
func TestASmallMTUIsAFailure(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	lan.MTU(100)
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	_, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if wol.KindOf(err) != wol.Unavailable || !strings.Contains(err.Error(), "MTU") {
		t.Errorf("%v, want kind unavailable and the cause", err)
	}
	if frames := lan.Collect(100 * time.Millisecond); len(frames) > 0 {
		t.Errorf("%d packets left in fragments", len(frames))
	}
}

// TestAChangeIsSeenBeforeTheNextCall reads the interfaces once and changes them:
// a call afterwards must not get the old answer.
func TestAChangeIsSeenBeforeTheNextCall(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.90.0.1/24")
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	for range 20 {
		for _, change := range []func(){lan.Down, lan.Up} {
			if _, err := s.survey(); err != nil {
				t.Fatal(err)
			}
			change()
			for began := time.Now(); ; {
				s.mu.Lock()
				forgotten := s.last.taken.IsZero()
				s.mu.Unlock()
				if forgotten {
					break
				}
				if time.Since(began) > unwatchedValidity { // reading again is not what is tested here
					t.Fatal("the kernel's word of a change did not arrive")
				}
				time.Sleep(time.Millisecond) // between two looks
			}
		}
	}
}

// TestThePrefixDecides gives an address another broadcast address than its prefix has. The
// kernel takes both for broadcasts.
func TestThePrefixDecides(t *testing.T) {
	lan := lantest.New(t, "lan0")
	card, err := netlink.LinkByName("lan0")
	if err != nil {
		t.Fatal(err)
	}
	address, err := netlink.ParseAddr("10.9.0.1/24")
	if err != nil {
		t.Fatal(err)
	}
	address.Broadcast = net.IPv4(10, 9, 0, 77)
	if err := netlink.AddrAdd(card, address); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if err != nil || got[0].Status != wol.Sent || len(got[0].Sent) != 2 || got[0].Sent[1].Destination != "10.9.0.255:9" {
		t.Fatalf("%v, %+v", err, got)
	}
	for range 2 {
		if f, ok := lan.Next(time.Second); !ok || f.EtherDst != [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} {
			t.Errorf("%v, %+v", ok, f)
		}
	}
}
