package broadcast

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"wolgate/internal/lantest"
	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// wake sends to a configured destination after whatever has changed is known, and returns
// the error of the one failure, or "" where the packet was sent.
func wake(t *testing.T, s *Sender) string {
	t.Helper()
	s.forget()
	got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if e, ok := errors.AsType[*wol.Error](err); ok && len(e.Failed) == 1 {
		return e.Failed[0].Error
	}
	if err != nil || got[0].Status != wol.Sent {
		t.Fatalf("%v, %+v", err, got)
	}
	return ""
}

// TestAConfiguredBroadcastNeedsItsLAN has the LAN go in four ways. The kernel takes the
// packet each time, and gives it to a dead card, or as a unicast to the default router.
func TestAConfiguredBroadcastNeedsItsLAN(t *testing.T) {
	for name, tt := range map[string]struct {
		harm func(*lantest.LAN)
		says string
	}{
		"cable out":   {(*lantest.LAN).CarrierOff, "no carrier (lan0)"},
		"down":        {(*lantest.LAN).Down, "network is down (lan0)"},
		"no route":    {func(l *lantest.LAN) { l.DelBroadcast("10.90.0.255") }, "the routing tables do not know this broadcast address (lan0)"},
		"no address":  {func(l *lantest.LAN) { l.DelAddress("10.90.0.1/24") }, "no interface of this host has an address in its network any more"},
		"card pulled": {func(l *lantest.LAN) { l.Delete() }, "no interface of this host has an address in its network any more"},
	} {
		t.Run(name, func(t *testing.T) {
			lan, other := lantest.New(t, "lan0", "10.90.0.1/24"), lantest.New(t, "lan1", "10.91.0.1/24")
			other.DefaultRoute()
			s := open(t, Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("10.90.0.255:9")}, Repeat: 1})
			t.Cleanup(func() { _ = s.Close(0) })
			if failed := wake(t, s); failed != "" {
				t.Fatal(failed)
			}
			tt.harm(lan)
			if failed := wake(t, s); failed != tt.says {
				t.Errorf("says %q, want %q", failed, tt.says)
			}
			list, err := s.Interfaces(t.Context())
			if err != nil || !list[0].Failing || !strings.Contains(list[0].Reason, "10.90.0.255:9: "+tt.says) || list[0].Cure == "" {
				t.Errorf("%v, %+v", err, list)
			}
			if frames := other.Collect(100 * time.Millisecond); len(frames) > 0 {
				t.Errorf("%d frames went to the router", len(frames))
			}
		})
	}
}

// TestASilentNeighbourIsAFailure sends to one host. Nothing leaves before it has answered
// ARP; that it does not is known from the second wake on.
func TestASilentNeighbourIsAFailure(t *testing.T) {
	for name, tt := range map[string]struct{ to, asked, says string }{
		"host":   {"10.90.0.7:9", "10.90.0.7", "nobody answers ARP for 10.90.0.7"},
		"router": {"192.168.20.255:9", "10.90.0.7", "the router 10.90.0.7 does not answer ARP"},
	} {
		t.Run(name, func(t *testing.T) {
			lan := lantest.New(t, "lan0", "10.90.0.1/24")
			for setting, value := range map[string]string{"retrans_time_ms": "10", "mcast_solicit": "1"} {
				err := os.WriteFile("/proc/sys/net/ipv4/neigh/lan0/"+setting, []byte(value), 0)
				if err != nil && !errors.Is(err, os.ErrNotExist) { // some kernels hide it here, and it takes three seconds
					t.Fatal(err)
				}
			}
			if name == "router" {
				route := &netlink.Route{LinkIndex: linkIndex(t, "lan0"), Gw: net.ParseIP(tt.asked)}
				if err := netlink.RouteAdd(route); err != nil {
					t.Fatal(err)
				}
			}
			s := open(t, Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort(tt.to)}, Repeat: 1})
			t.Cleanup(func() { _ = s.Close(0) })
			if failed := wake(t, s); failed != "" {
				t.Fatalf("nobody had been asked before: %s", failed)
			}
			index := linkIndex(t, "lan0")
			eventually(t, "the kernel has given up", func() bool {
				got, err := rtnetlink.LookUpNeighbour(netip.MustParseAddr(tt.asked), index)
				return err == nil && got == rtnetlink.Silent
			})
			for range 3 { // while it asks again, too
				if failed := wake(t, s); !strings.HasPrefix(failed, tt.says) {
					t.Errorf("says %q, want %q", failed, tt.says)
				}
			}
			lan.FarAddress("10.90.0.7/24")
			eventually(t, "it answers", func() bool { return wake(t, s) == "" })
		})
	}
}

func linkIndex(t *testing.T, name string) int {
	t.Helper()
	links, err := rtnetlink.Links()
	if err != nil {
		t.Fatal(err)
	}
	index, ok := rtnetlink.Zone(links, name)
	if !ok {
		t.Fatalf("no interface %s", name)
	}
	return index
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
