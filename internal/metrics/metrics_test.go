package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wolgate/internal/gateway"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// idle returns the metrics of a gateway without keys whose daemon answers.
func idle() *Metrics { return New(func() int { return 0 }, func() bool { return true }) }

// exposition scrapes the operator's listener of a gateway that has met everything, so
// that no metric is missing for want of an event.
func exposition(t *testing.T) string {
	t.Helper()
	m := idle()
	m.Request("/api/v1/wol/:mac_addr", http.StatusOK, time.Millisecond)
	for _, why := range wol.Denials() {
		m.Denied(why)
	}
	for _, by := range gateway.Limits() {
		m.Limited(by)
	}
	for _, end := range everyEnd() {
		_, _ = m.Wakes(end).Wake(t.Context(), request(1))
	}
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	return scrape(t, server.URL)
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v %s\n%s", err, response.Status, text)
	}
	return string(text)
}

func request(targets int) wol.Request {
	req := wol.Request{ID: "id-1"}
	for n := range targets {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	return req
}

// everyEnd returns a waker for each way in which a call can end.
func everyEnd() map[string]wol.Waker {
	answers := func(sent []wol.Delivery, failed []wol.Failure) wol.Waker {
		return wol.WakerFunc(func(_ context.Context, req wol.Request) (receipts []wol.Receipt, _ error) {
			for _, target := range req.Targets {
				receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, sent, failed))
			}
			return receipts, nil
		})
	}
	fails := func(err error) wol.Waker {
		return wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return nil, err })
	}
	sent := []wol.Delivery{{Interface: "eth0", Destination: "x", Bytes: 102}, {Destination: "y", Bytes: 102}}
	failed := []wol.Failure{{Interface: "eth1", Destination: "z", Error: "network is down"}}
	return map[string]wol.Waker{
		"sent":         answers(sent, nil),
		"partial":      answers(sent, failed),
		"failed":       fails(&wol.Error{Kind: wol.Unavailable, Failed: failed}),
		"refused":      fails(&wol.Error{Kind: wol.Forbidden}),
		"unknown":      fails(&wol.Error{Kind: wol.Timeout, Unsure: true}),
		"rate limited": fails(&wol.Error{Kind: wol.RateLimited}),
		"panicked":     fails(errors.New("something of ours")),
	}
}

// TestEveryEndIsCounted asks for three targets.
func TestEveryEndIsCounted(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"sent":         {`wakes_total{outcome="sent"} 3`, `packets_total{interface="eth0",outcome="sent"} 3`, `packets_total{interface="routed",outcome="sent"} 3`},
		"partial":      {`wakes_total{outcome="partial"} 3`, `packets_total{interface="eth0",outcome="sent"} 3`, `packets_total{interface="eth1",outcome="failed"} 3`, `packets_total{interface="eth1",outcome="sent"} 0`},
		"failed":       {`wakes_total{outcome="failed"} 3`, `packets_total{interface="eth1",outcome="failed"} 3`},
		"refused":      {`wakes_total{outcome="refused"} 3`, `rate_limited_total{limit="daemon"} 0`},
		"unknown":      {`wakes_total{outcome="unknown"} 3`},
		"rate limited": {`wakes_total{outcome="refused"} 3`, `rate_limited_total{limit="daemon"} 1`},
		"panicked":     {`wakes_total{outcome="unknown"} 3`},
	} {
		m := idle()
		server := httptest.NewServer(m.Handler())
		defer server.Close()
		_, _ = m.Wakes(everyEnd()[name]).Wake(t.Context(), request(3))
		text := scrape(t, server.URL)
		for _, line := range append(want, "first_packet_seconds_count 0", "daemon_up 1", "keys 0") {
			if !strings.Contains(text, "\nwolgate_"+line+"\n") {
				t.Errorf("%s: no line wolgate_%s", name, line)
			}
		}
		if n := strings.Count(text, "\nwolgate_wakes_total{"); n != 5 {
			t.Errorf("%s: %d outcomes", name, n)
		}
	}
}

// TestNamesOfInterfacesAreBounded: whatever a daemon calls its interfaces, there are
// no more series than maxInterfaces and two, and a scrape is not refused.
func TestNamesOfInterfacesAreBounded(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"eth0": true, "wlp2s0.100": true, "br-0123456789a": true, "éth0": true, "fifteen-bytes-x": true,
		"sixteen-bytes-xx": false, ".": false, "..": false, "a/b": false, "a b": false, "a:1": false, "a\nb": false, "a\u00a0b": false,
		"a\x00": false, "a\u202eb": false, "\xff\xfe": false, "eth0\x7f": false,
	} {
		if plausible(name) != want {
			t.Errorf("%q: plausible is %v", name, !want)
		}
	}
	m := idle()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	var sent []wol.Delivery
	for n := range 10_000 {
		sent = append(sent, wol.Delivery{Interface: fmt.Sprintf("eth%d", n)}, wol.Delivery{Interface: strings.Repeat("\xff", n%20)})
	}
	for range 2 {
		m.packets.count(sent, nil, 1)
	}
	if n := strings.Count(scrape(t, server.URL), "\nwolgate_packets_total{"); n != 2*(maxInterfaces+1) {
		t.Errorf("%d series", n)
	}
	if n := len(m.packets.known); n != maxInterfaces {
		t.Errorf("%d names are kept", n)
	}
}

// TestCountingAllocatesNothing: a wake of one target costs what it did without
// metrics, and a refusal as well.
func TestCountingAllocatesNothing(t *testing.T) {
	req := request(1)
	receipts := woltest.Receipts(req)
	m := idle()
	watched := m.Wakes(wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return receipts, nil }))
	if n := testing.AllocsPerRun(1000, func() { _, _ = watched.Wake(t.Context(), req) }); n > 0 {
		t.Errorf("a wake: %v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() { m.Denied(wol.NoKey); m.Limited(gateway.KeyLimit) }); n > 0 {
		t.Errorf("a refusal: %v allocations", n)
	}
}

// promtool checks what Prometheus would read, as Prometheus itself does.
func promtool(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), skip.Unless(t, "promtool", "prometheus"), args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestMetricsAreNamedAsPrometheusAsks has promtool look at them all.
func TestMetricsAreNamedAsPrometheusAsks(t *testing.T) {
	t.Parallel()
	if said := promtool(t, "", exposition(t), "check", "metrics"); said != "" {
		t.Errorf("promtool: %s", said)
	}
}

// TestTheGuideNamesEveryMetric holds docs/metrics.md and its Korean twin to what is
// exposed.
func TestTheGuideNamesEveryMetric(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"metrics.md", "metrics.ko.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for metric := range exposed(exposition(t)) {
			if strings.HasPrefix(metric, "wolgate_") && !strings.Contains(string(text), "| `"+metric) {
				t.Errorf("%s has no row for %s", name, metric)
			}
		}
	}
}
