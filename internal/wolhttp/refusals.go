package wolhttp

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// refusals logs requests that were refused, at most ten in any second: whoever may
// open the socket could fill the disk otherwise. Each line says how many were left
// out before it. Those left out last are told with the next refusal, however late,
// which saves a timer that would have to be stopped.
type refusals struct {
	log *slog.Logger

	mu      sync.Mutex
	told    [10]time.Time // when the last lines were written
	oldest  int           // of them
	omitted int
}

func (l *refusals) warn(args ...any) {
	omitted, ok := l.admit()
	if !ok {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	l.log.Log(context.Background(), slog.LevelWarn, "refused", args...)
}

// admit returns whether a line may be written now, and how many were not since
// the last one.
func (l *refusals) admit() (omitted int, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := l.told[l.oldest]; !last.IsZero() && now.Sub(last) < time.Second {
		l.omitted++
		return 0, false
	}
	l.told[l.oldest] = now
	l.oldest = (l.oldest + 1) % len(l.told)
	omitted, l.omitted = l.omitted, 0
	return omitted, true
}
