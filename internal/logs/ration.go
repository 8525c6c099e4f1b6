package logs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// perSecond is how many lines of a Ration there are in any second.
const perSecond = 10

// Ration bounds the log lines that strangers cause, who could fill the disk
// otherwise: at most ten in any second. Each line says how many were left out
// before it. Those left out last are told with the next one, however late, which
// saves a timer that would have to be stopped. The zero value is ready.
type Ration struct {
	mu      sync.Mutex
	told    [perSecond]time.Time // when the last lines were written
	oldest  int                  // of them
	omitted int
}

// Warn is Log at the level of a warning.
func (r *Ration) Warn(log *slog.Logger, msg string, args ...any) {
	r.Log(log, slog.LevelWarn, msg, args...)
}

// Log writes a line, or counts one that is left out.
func (r *Ration) Log(log *slog.Logger, level slog.Level, msg string, args ...any) {
	omitted, ok := r.admit()
	if !ok {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	log.Log(context.Background(), level, msg, args...)
}

// admit returns whether a line may be written now, and how many were not since
// the last one.
func (r *Ration) admit() (omitted int, ok bool) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.told[r.oldest]) < time.Second {
		r.omitted++
		return 0, false
	}
	r.told[r.oldest] = now
	r.oldest = (r.oldest + 1) % perSecond
	omitted, r.omitted = r.omitted, 0
	return omitted, true
}
