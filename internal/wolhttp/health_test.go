package wolhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"wolgate/internal/problem"
)

// TestHealthAsksOnceForAll has many callers at once, of a daemon that hangs and then
// answers.
func TestHealthAsksOnceForAll(t *testing.T) {
	t.Parallel()
	const pace = 100 * time.Millisecond
	pings, answers := 0, false // guarded by the mutex of Health
	h := &Health{pace: pace, wait: pace, log: slog.New(slog.DiscardHandler), ping: func(ctx context.Context, _ string) error {
		pings++
		if answers {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	began := time.Now()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := h.Check("id-1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a daemon that hangs: %v", err)
			}
		})
	}
	all.Wait()
	if most := 1 + int(time.Since(began)/pace); pings > most {
		t.Errorf("pinged %d times, want at most %d", pings, most)
	}
	answers = true
	time.Sleep(pace)
	before := pings
	for range 2 {
		if err := h.Check("id-1"); err != nil {
			t.Error(err)
		}
	}
	if pings > before+2 {
		t.Errorf("pinged %d times for two calls", pings-before)
	}
}

// TestAHangingDaemonIsNotReady: within a second, which is what Kubernetes gives a probe, with
// time to spare for the answer; and as 503, which probes and proxies take for "not now".
func TestAHangingDaemonIsNotReady(t *testing.T) {
	t.Parallel()
	h := NewHealth(nil, slog.New(slog.DiscardHandler))
	h.ping = func(ctx context.Context, _ string) error {
		if at, ok := ctx.Deadline(); !ok || time.Until(at) > 900*time.Millisecond {
			t.Errorf("asked until %v", at)
		}
		return context.DeadlineExceeded
	}
	err := h.Check("id-1")
	if p := problem.From(err); p.Status != http.StatusServiceUnavailable || p.RetryAfterHeader() != "1" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d, Retry-After %q: %v", p.Status, p.RetryAfterHeader(), err)
	}
}
