package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wolgate/internal/unixsock"
	"wolgate/internal/woltest"
)

// intruder has taken the gateway over: it has the socket, and says what it likes.
type intruder struct{ http.Client }

func intrude(t *testing.T, socket string) intruder {
	t.Helper()
	transport := &http.Transport{DialContext: unixsock.Dialer(socket), MaxConnsPerHost: 32}
	t.Cleanup(transport.CloseIdleConnections)
	return intruder{http.Client{Transport: transport, Timeout: woltest.Patience}}
}

// ask returns the status, or 0 where there was no answer.
func (i intruder) ask(ctx context.Context, method, path, body string) int {
	r, err := http.NewRequestWithContext(ctx, method, "http://wol-server"+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := i.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// TestATakenGatewayGainsNothing is the promise of the two programs: whoever holds the
// socket wakes what the daemon allows, where the daemon sends, at the daemon's rate.
func TestATakenGatewayGainsNothing(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	list := filepath.Join(t.TempDir(), "allow")
	if err := os.WriteFile(list, []byte(someMAC+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const budget = 50
	st := start(t, setup{daemon: []string{"--destinations", r.Addr().String(), "--repeat", "1", "--max-pps", fmt.Sprint(budget), "--allow", list}})
	st.daemon.log.mute(true)
	i := intrude(t, st.socket)

	// Another target, another place, another way of saying it.
	for _, attempt := range []struct{ method, path, body string }{
		{"POST", "/wol/02:00:00:00:00:01", ""},
		{"POST", "/wol/" + someMAC, `{"destination":"192.0.2.1"}`},
		{"POST", "/wol/" + someMAC, `{"port":53}`},
		{"POST", "/wol/" + someMAC, `{"broadcast":"192.0.2.255"}`},
		{"POST", "/wol/" + someMAC, `{"interface":"../../etc"}`},
		{"POST", "/wol/" + someMAC + "?destination=192.0.2.1", `{"mac_addr":"02:00:00:00:00:01"}`},
		{"POST", "/wol", `{"targets":[{"mac_addr":"` + someMAC + `"},{"mac_addr":"02:00:00:00:00:01"}]}`},
		{"POST", "/wol", `{"targets":[{"mac_addr":"` + someMAC + `","mac_addr":"02:00:00:00:00:01"}]}`},
		{"POST", "/wol", `{"targets":[{"mac_addr":"` + someMAC + `","ip":"192.0.2.1"}]}`},
		{"PUT", "/wol/" + someMAC, ""}, {"GET", "/wol/" + someMAC, ""}, {"DELETE", "/interfaces", ""},
		{"POST", "/allow", `["02:00:00:00:00:01"]`}, {"POST", "/config", `{}`}, {"GET", "/debug/pprof/", ""}, {"GET", "/metrics", ""},
	} {
		if status := i.ask(t.Context(), attempt.method, attempt.path, attempt.body); status < 400 || status >= 500 {
			t.Errorf("%s %s %s: status %d", attempt.method, attempt.path, attempt.body, status)
		}
	}
	for n := range 300 {
		if status := i.ask(t.Context(), "POST", "/wol/"+woltest.MAC(n+1).String(), ""); status != http.StatusForbidden {
			t.Errorf("target %d: status %d", n, status)
		}
	}
	r.Nothing(t)

	// As many packets as it can get, for three seconds.
	flood, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var clients sync.WaitGroup
	var answered atomic.Int32
	began := time.Now()
	for range 16 {
		clients.Go(func() {
			for flood.Err() == nil {
				if i.ask(flood, "POST", "/wol/"+someMAC, "") == http.StatusOK {
					answered.Add(1)
				}
			}
		})
	}
	clients.Wait()
	took := time.Since(began)
	packets := 0
	for {
		if _, ok := r.Wait(200 * time.Millisecond); !ok {
			break
		}
		packets++
	}
	if most := budget + int(took.Seconds()*budget) + 1; packets > most || packets < budget {
		t.Errorf("%d packets in %v with a budget of %d a second, %d at most", packets, took, budget, most)
	}
	if int(answered.Load()) > packets {
		t.Errorf("%d wakes were answered 200, and %d packets left", answered.Load(), packets)
	}
	t.Logf("%d packets in %v", packets, took.Round(time.Millisecond))
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK }) // nobody is locked out
}
