package wol_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wolgate/internal/wol"
)

// late is a context after a stop of the process: its deadline has passed, and its timer
// has not had its turn.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Millisecond), true }

func TestEndedLooksAtTheClock(t *testing.T) {
	t.Parallel()
	if err := wol.Ended(t.Context()); err != nil {
		t.Errorf("a call without a deadline: %v", err)
	}
	if err := wol.Ended(late{t.Context()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call whose deadline has passed: %v", err)
	}
}
