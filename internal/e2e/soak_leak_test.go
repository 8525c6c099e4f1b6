//go:build soak

package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// TestSoakNothingLeaks sends 100,000 requests through both real programs. Their
// descriptors, seen in /proc, and their goroutines end where they began.
func TestSoakNothingLeaks(t *testing.T) {
	const requests, clients, warmup, slack = 100_000, 8, 500, 5
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--ops-listen", "127.0.0.1:0")
	metrics := "http://" + p.gateway.log.wait(t, "msg", "metrics")["address"].(string) + "/metrics"

	p.load(t, clients, warmup)
	before := p.count(t, metrics)
	// A daemon tells its goroutines only by ending, so another one goes on.
	daemonGoroutines := goroutines(t, p.daemon)
	p.startDaemon(t)
	p.load(t, clients, warmup)

	began := time.Now()
	p.load(t, clients, requests)
	t.Logf("%d requests in %v", requests, time.Since(began).Round(time.Millisecond))
	after := p.count(t, metrics)
	before["goroutines of the daemon"], after["goroutines of the daemon"] = daemonGoroutines, goroutines(t, p.daemon)
	for what, n := range before {
		t.Logf("%s: %d, then %d", what, n, after[what])
		if diff := after[what] - n; diff > slack || diff < -slack {
			t.Errorf("%s: %d before, %d after %d requests", what, n, after[what], requests)
		}
	}
}

// load sends n wakes from a number of clients, each on a connection of its own.
func (st *stack) load(t *testing.T, clients, n int) {
	t.Helper()
	st.daemon.log.mute(true)
	st.gateway.log.mute(true)
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: woltest.Patience}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range n / clients {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, st.url+"/api/v1/wol/"+someMAC, nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+st.key)
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d", response.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
}

// count returns descriptors and goroutines once the clients' connections are
// gone from the gateway.
func (st *stack) count(t *testing.T, metrics string) map[string]int {
	t.Helper()
	var last map[string]int
	deadline := time.Now().Add(woltest.Patience)
	for {
		response, err := http.Get(metrics)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		match := regexp.MustCompile(`(?m)^go_goroutines (\d+)$`).FindSubmatch(text)
		if err != nil || match == nil {
			t.Fatalf("no go_goroutines in the metrics: %v", err)
		}
		n, err := strconv.Atoi(string(match[1]))
		if err != nil {
			t.Fatal(err)
		}
		now := map[string]int{
			"goroutines of the gateway":  n,
			"descriptors of the gateway": descriptors(t, st.gateway.pid()),
			"descriptors of the daemon":  descriptors(t, st.daemon.pid()),
		}
		if settled(last, now) || time.Now().After(deadline) {
			return now
		}
		last = now
		time.Sleep(100 * time.Millisecond) // between two looks
	}
}

func settled(a, b map[string]int) bool {
	for what, n := range b {
		if a[what] != n {
			return false
		}
	}
	return true
}

// goroutines ends a program by SIGQUIT, upon which Go lists its goroutines.
func goroutines(t *testing.T, p *process) int {
	t.Helper()
	p.log.mute(false)
	p.signal(syscall.SIGQUIT)
	p.exit(t)
	return strings.Count(p.log.String(), "\ngoroutine ")
}
