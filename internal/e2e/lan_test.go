package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// quietLAN is how long a LAN must stay silent to be believed done: longer than
// any gap between copies here.
const quietLAN = 300 * time.Millisecond

// TestBothLANsSeeThePacket is the main job: one request, and the exact 102
// bytes on another host of each LAN, whatever the routing table says.
//
//	     pc-a               this host               pc-b
//	10.10.0.0/24 ---- lana  wol-server  lanb ---- 10.20.0.0/24
//	                        docker9 ---- 172.30.0.0/24, excluded
func TestBothLANsSeeThePacket(t *testing.T) {
	lantest.Require(t)
	lana := lantest.New(t, "lana", "10.10.0.1/24")
	lanb := lantest.New(t, "lanb", "10.20.0.1/24")
	docker := lantest.New(t, "docker9", "172.30.0.1/24")
	st := start(t, setup{daemon: []string{"--repeat", "2", "--repeat-interval", "50ms"}})

	check := func(name string) {
		t.Helper()
		got := st.wake(t, someMAC).receipt(t)
		want := wol.NewReceipt(got.MAC, got.RequestID, []wol.Delivery{
			{Interface: "lana", Destination: "255.255.255.255:9", Bytes: 102},
			{Interface: "lana", Destination: "10.10.0.255:9", Bytes: 102},
			{Interface: "lanb", Destination: "255.255.255.255:9", Bytes: 102},
			{Interface: "lanb", Destination: "10.20.0.255:9", Bytes: 102},
		}, nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: receipt (-want +got):\n%s", name, diff)
		}
		seen(t, name+", LAN A", lana, "10.10.0.255:9", "10.10.0.255:9", "255.255.255.255:9", "255.255.255.255:9")
		seen(t, name+", LAN B", lanb, "10.20.0.255:9", "10.20.0.255:9", "255.255.255.255:9", "255.255.255.255:9")
		seen(t, name+", excluded", docker)
	}
	check("no default route")
	lana.DefaultRoute()
	check("default route via LAN A")
}

// TestOneInterfaceDown shows what a receipt says of an interface that should
// have sent.
func TestOneInterfaceDown(t *testing.T) {
	lantest.Require(t)
	lana := lantest.New(t, "lana", "10.10.0.1/24")
	lanb := lantest.New(t, "lanb", "10.20.0.1/24")
	lanb.Down()
	st := start(t, setup{daemon: []string{"--repeat", "1"}})
	check := func(reason string) {
		t.Helper()
		got := st.wakeUntil(t, func(a answer) bool {
			return fails(a.receipt(t).Failed, reason)
		}).receipt(t)
		if got.Status != wol.Partial || !got.OK || len(got.Sent) != 2 || len(got.Failed) != 2 {
			t.Errorf("%s: receipt %+v", reason, got)
		}
		for _, f := range got.Failed {
			if f.Interface != "lanb" || f.Error != reason {
				t.Errorf("%s: failure %+v", reason, f)
			}
		}
		st.daemon.log.wait(t, "request_id", got.RequestID, "msg", "wake sent in part")
		if len(lana.Collect(quietLAN)) < 2 {
			t.Errorf("%s: the other LAN did not get its packets", reason)
		}
	}
	check("network is down")
	seen(t, "down", lanb)
	lanb.Up()
	lanb.CarrierOff()
	check("no carrier")
}

func TestChosenInterfaces(t *testing.T) {
	lantest.Require(t)
	lana := lantest.New(t, "lana", "10.10.0.1/24")
	lanb := lantest.New(t, "lanb", "10.20.0.1/24")
	st := start(t, setup{daemon: []string{"--repeat", "1"}})
	body := `{"interface":"lanb"}`
	if got := st.ask(t, http.MethodPost, "/api/v1/wol/"+someMAC, body).receipt(t); len(got.Sent) != 2 {
		t.Errorf("receipt %+v", got)
	}
	seen(t, "not chosen", lana)
	seen(t, "chosen", lanb, "10.20.0.255:9", "255.255.255.255:9")
	for _, name := range []string{"lo", "nowhere0", "../lanb"} {
		a := st.ask(t, http.MethodPost, "/api/v1/wol/"+someMAC, fmt.Sprintf(`{"interface":%q}`, name))
		if p := a.problem(t); a.status != http.StatusBadRequest || p.Code != wol.Invalid {
			t.Errorf("interface %q: status %d", name, a.status)
		}
	}
	st.daemon.end(t)
	st.startDaemon(t, "--repeat", "1", "--interfaces", "lana", "--port", "40009")
	if got := st.wake(t, someMAC).receipt(t); len(got.Sent) != 2 {
		t.Errorf("receipt %+v", got)
	}
	seen(t, "--interfaces lana", lana, "10.10.0.255:40009", "255.255.255.255:40009")
	seen(t, "not in --interfaces", lanb)
}

// seen fails the test unless exactly these destinations arrived, each with the
// 102 bytes for someMAC.
func seen(t *testing.T, name string, lan *lantest.LAN, want ...string) {
	t.Helper()
	packet := string(woltest.Packet(t, wol.Target{MAC: wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}}))
	frames := []lantest.Frame{}
	for range want { // what must come may be late on a busy machine
		if f, ok := lan.Next(woltest.Patience); ok {
			frames = append(frames, f)
		}
	}
	got := []string{}
	for _, f := range append(frames, lan.Collect(quietLAN)...) {
		got = append(got, fmt.Sprintf("%s:%d", f.DstIP, f.DstPort))
		if string(f.Payload) != packet {
			t.Errorf("%s: %d bytes to %s:%d: %x", name, len(f.Payload), f.DstIP, f.DstPort, f.Payload)
		}
		if f.EtherDst != [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} {
			t.Errorf("%s: sent to %x on the wire, not broadcast", name, f.EtherDst)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("%s: seen (-want +got):\n%s", name, diff)
	}
}

// TestACardGoesWhileCopiesAreDue takes a card away in the middle of its copies; the
// other card's all arrive.
func TestACardGoesWhileCopiesAreDue(t *testing.T) {
	lantest.Require(t)
	stays := lantest.New(t, "stays0", "10.10.0.1/24")
	const wakes, copies = 50, 5
	st := start(t, setup{daemon: []string{"--repeat", "5", "--repeat-interval", "20ms", "--max-pps", "1000000"}})
	for range wakes / 10 {
		goes := lantest.New(t, "goes0", "10.20.0.1/24")
		for range 10 {
			st.wake(t, someMAC).receipt(t)
		}
		goes.Delete()
	}
	st.daemon.end(t)
	for range wakes * copies * 2 {
		if _, ok := stays.Next(woltest.Patience); !ok {
			t.Fatal("a packet for the other LAN is missing")
		}
	}
	if more := stays.Collect(quietLAN); len(more) > 0 {
		t.Errorf("%d packets too many", len(more))
	}
}

// TestACongestedCardHoldsUpNobody fills the queue of one card, once before the
// kernel drops packets and once after. The other LAN gets all of its packets,
// answers stay quick and true, and the daemon can be ended.
func TestACongestedCardHoldsUpNobody(t *testing.T) {
	lantest.Require(t)
	for name, queue := range map[string]uint32{"the send buffer is full": 100_000_000, "the card drops": 2000} {
		t.Run(name, func(t *testing.T) {
			good := lantest.New(t, "good0", "10.10.0.1/24")
			bad := lantest.New(t, "bad0", "10.20.0.1/24")
			bad.Congest(queue)
			const wakes, copies = 200, 2
			st := start(t, setup{daemon: []string{"--repeat", "2", "--repeat-interval", "10ms", "--max-pps", "1000000"}})
			partial := 0
			for range wakes {
				got := st.wake(t, someMAC).receipt(t)
				if got.Status == wol.Partial {
					partial++
				}
				for _, f := range got.Failed {
					if f.Interface != "bad0" || !strings.Contains(f.Error, "queue is full") {
						t.Errorf("failure %+v", f)
					}
				}
			}
			if partial == 0 {
				t.Error("the congested card never showed in a receipt")
			}
			began := time.Now()
			st.daemon.end(t)
			if took := time.Since(began); took > bound {
				t.Errorf("ending took %v", took)
			}
			for range wakes * copies * 2 {
				if _, ok := good.Next(woltest.Patience); !ok {
					t.Fatal("a packet for the other LAN is missing")
				}
			}
		})
	}
}
