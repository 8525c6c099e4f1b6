package wolhttp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// TestHealthAsksOnceForAll has many callers at once, of a daemon that hangs and then
// answers.
func TestHealthAsksOnceForAll(t *testing.T) {
	t.Parallel()
	const pace = 100 * time.Millisecond
	pings, answers := 0, false // guarded by the mutex of Health
	h := &Health{pace: pace, log: slog.New(slog.DiscardHandler), ping: func(ctx context.Context, _ string) error {
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
