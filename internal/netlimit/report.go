package netlimit

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// seldom is how often the log hears of one thing: a client that can make the
// server write lines could fill the disk.
const seldom = time.Second

// report tells the log what happens to connections, seldom.
type report struct {
	log *slog.Logger

	mu       sync.Mutex
	lastFail time.Time // when a series of failures was last told

	overTotal, overSource int // refused and not yet told
	lastSource            netip.Prefix
	timer                 *time.Timer // tells of the refused; nil while there are none
}

// series is what went wrong between two connections, seen by one Accept.
type series struct {
	began    time.Time
	failures int
	told     bool
}

// failed tells of a series once. One that begins too soon after another is told
// if it lasts.
func (r *report) failed(s *series, err error) {
	now := time.Now()
	if s.failures == 0 {
		s.began = now
	}
	s.failures++
	if s.told {
		return
	}
	r.mu.Lock()
	s.told = now.Sub(r.lastFail) >= seldom
	if s.told {
		r.lastFail = now
	}
	r.mu.Unlock()
	if s.told {
		r.log.Warn("no connection can be accepted", "err", err,
			"hint", "trying again until one can; too many open files means to raise RLIMIT_NOFILE, or to allow fewer connections")
	}
}

// recovered ends a series: what was told gets its end told as well.
func (r *report) recovered(s *series) {
	if s.told {
		r.log.Info("connections are accepted again", "failures", s.failures, "after", time.Since(s.began))
	}
	*s = series{}
}

// refused counts a connection that was closed because of a limit, and tells of
// it, and of all that follow, a moment later.
func (r *report) refused(v verdict, source netip.Prefix) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v == full {
		r.overTotal++
	} else {
		r.overSource++
		r.lastSource = source
	}
	if r.timer == nil {
		r.timer = time.AfterFunc(seldom, r.tell)
	}
}

// tell writes what was counted.
func (r *report) tell() {
	r.mu.Lock()
	overTotal, overSource, source := r.overTotal, r.overSource, r.lastSource
	r.overTotal, r.overSource, r.timer = 0, 0, nil
	r.mu.Unlock()
	if overTotal > 0 {
		r.log.Warn("connections refused", "count", overTotal, "hint", "as many are open as may be")
	}
	if overSource > 0 {
		r.log.Warn("connections refused", "count", overSource, "source", source, "hint", "one source has as many open as it may; the last such is named")
	}
}

// close writes what is still to be told.
func (r *report) close() {
	r.mu.Lock()
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	r.tell()
}
