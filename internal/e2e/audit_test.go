package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/apikey"
	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestAuditIsTheWire makes 10,000 random requests, good ones and all kinds of bad
// ones. The audit log has a line with packets for every burst that arrived, none
// more and none less, and at its time.
func TestAuditIsTheWire(t *testing.T) {
	const requests, clients = 10_000, 8
	r := woltest.Listen(t)
	allowed, list := map[int]bool{}, new(strings.Builder)
	for n := range 2000 {
		if allowed[n] = n%100 != 0; allowed[n] {
			fmt.Fprintln(list, woltest.MAC(n))
		}
	}
	file := filepath.Join(t.TempDir(), "allow")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	st := start(t, setup{daemon: append(loopback(r), "--allow", file)})
	narrow := addKey(t, st.keys, "narrow", "--target", woltest.MAC(1).String())
	st.gateway.log.wait(t, "event", "authn_token_created")
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			mac := func() string { return woltest.MAC(random.IntN(2000)).String() }
			for range requests / clients {
				c, path, body := st.caller, "/api/v1/wol/"+mac(), ""
				switch random.IntN(10) {
				case 0:
					c.key = apikey.Generate().Reveal()
				case 1:
					c.key = narrow
				case 2:
					path = "/api/v1/wol/" + woltest.BadMACs()[random.IntN(len(woltest.BadMACs()))]
					path = strings.Map(func(r rune) rune { // what a client can send as a path at all
						if r <= ' ' || r > '~' || strings.ContainsRune("%?#", r) {
							return 'x'
						}
						return r
					}, path)
				case 3:
					body = `{"interface":"nope0"}`
				case 4:
					body = `{"secureon":"01020304050` + fmt.Sprint(random.IntN(10)) + `"}`
				case 5, 6:
					path = "/api/v1/wol"
					targets := make([]string, 1+random.IntN(20))
					for i := range targets {
						targets[i] = `{"mac_addr":"` + mac() + `"}`
						if i > 0 && random.IntN(4) == 0 {
							targets[i] = targets[i-1]
						}
					}
					body = `{"targets":[` + strings.Join(targets, ",") + `]}`
				}
				if _, err := c.try(t.Context(), http.MethodPost, path, body); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	arrived := map[string][]time.Time{} // by MAC
	counted := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(counted)
		for {
			packet, ok := r.Wait(100 * time.Millisecond)
			if ok {
				var p magicpacket.Packet
				if err := p.UnmarshalBinary(packet); err != nil {
					t.Error(err)
					return
				}
				mac := wol.MAC(p.Target).String()
				arrived[mac] = append(arrived[mac], time.Now())
				continue
			}
			select {
			case <-done: // and nothing on its way any more
				return
			default:
			}
		}
	}()
	group.Wait()
	close(done)
	<-counted
	st.gateway.end(t)

	wire, audited := map[string]int{}, map[string]int{}
	for mac, times := range arrived {
		wire[mac] = len(times)
	}
	refused, seq := 0, 0
	for _, line := range st.gateway.log.all() {
		if line["msg"] != "audit" {
			continue
		}
		seq++
		if line["seq"] != float64(seq) {
			t.Fatalf("line %d has number %v", seq, line["seq"])
		}
		mac, _ := line["target"].(string)
		switch {
		case line["event"] != "wake":
		case line["packets"] == 0.:
			refused++
		default:
			audited[mac]++
			at, err := time.Parse(time.RFC3339Nano, line["time"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if !near(arrived[mac], at) {
				t.Errorf("%s: no burst within a second of %v", mac, at)
			}
		}
	}
	if diff := cmp.Diff(wire, audited); diff != "" {
		t.Errorf("(-wire +audit log):\n%s", diff)
	}
	bursts := 0
	for _, n := range wire {
		bursts += n
	}
	t.Logf("%d bursts, %d targets refused", bursts, refused)
	if bursts < requests/2 || refused < requests/20 {
		t.Error("this was no mixture")
	}
}

// near says whether one of the times is within a second of at.
func near(times []time.Time, at time.Time) bool {
	for _, one := range times {
		if d := one.Sub(at).Abs(); d <= time.Second {
			return true
		}
	}
	return false
}

// TestTheAuditLogBeginsAndEnds with the program, and tells of keys that come and go.
func TestTheAuditLogBeginsAndEnds(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	addKey(t, st.keys, "guest")
	created := st.gateway.log.wait(t, "event", "authn_token_created")
	if err := apikey.Revoke(st.keys, "guest"); err != nil {
		t.Fatal(err)
	}
	revoked := st.gateway.log.wait(t, "event", "authn_token_revoked")
	if created["key"] != "guest" || revoked["key"] != "guest" || created["key_id"] == nil || created["key_id"] != revoked["key_id"] {
		t.Errorf("%v\n%v", created, revoked)
	}
	st.gateway.end(t)
	var events []any
	for _, line := range st.gateway.log.all() {
		if line["msg"] == "audit" {
			events = append(events, line["event"])
		}
	}
	want := []any{"sys_startup", "authn_token_created", "authn_token_revoked", "sys_shutdown"}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
