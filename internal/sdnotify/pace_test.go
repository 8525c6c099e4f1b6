package sdnotify_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/sdnotify"
)

// TestChecksKeepThePace: one sign of life in a whole watchdog's time, or a check that may
// take as long, would come too late now and then, and end a program that is well.
func TestChecksKeepThePace(t *testing.T) {
	t.Parallel()
	environ := map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "none"), "WATCHDOG_USEC": "30000000"}
	synctest.Test(t, func(t *testing.T) {
		start, checks := time.Now(), 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sdnotify.New(func(name string) string { return environ[name] }, slog.New(slog.DiscardHandler)).Run(ctx, func(ctx context.Context) error {
			checks++
			if at, want := time.Since(start), time.Duration(checks)*7500*time.Millisecond; at != want {
				t.Errorf("check %d comes after %v, want %v", checks, at, want)
			}
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != 15*time.Second {
				t.Errorf("a check may take until %v, want 15 s", end)
			}
			if checks == 8 {
				cancel()
			}
			return nil
		})
	})
}
