package logs

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Ration bounds the log lines that outsiders can cause, so that they cannot fill the
// disk: it admits PerSecond lines in any second, and of these PerSource of one source and
// PerSite of one site, so that a source that floods the log does not hide the others. The
// zero value is ready.
//
// A site is the /48 around an IPv6 source: a home or an office may be given that many
// sources (RFC 6177). It may also be shared by many customers, hence both bounds.
type Ration struct {
	PerSecond int // 0 means ten
	PerSource int // 0 means no bound
	PerSite   int // of IPv6 sources; 0 means no bound

	mu      sync.Mutex
	recent  []admission // of the last second
	omitted int
}

type admission struct {
	at     time.Time
	source netip.Prefix
}

// Admit reports whether a line about source may be written now. Lines that may not
// are counted.
func (r *Ration) Admit(now time.Time, source netip.Prefix) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recent = slices.DeleteFunc(r.recent, func(a admission) bool { return now.Sub(a.at) >= time.Second })
	most, same, near := r.PerSecond, 0, 0
	if most == 0 {
		most = 10
	}
	for _, a := range r.recent {
		if a.source == source {
			same++
		}
		if source.Addr().Is6() && netip.PrefixFrom(source.Addr(), 48).Contains(a.source.Addr()) {
			near++
		}
	}
	if len(r.recent) >= most || r.PerSource > 0 && same >= r.PerSource || r.PerSite > 0 && near >= r.PerSite {
		r.omitted++
		return false
	}
	r.recent = append(r.recent, admission{now, source})
	return true
}

// Omitted returns how many lines were not admitted since it was last called.
func (r *Ration) Omitted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.omitted
	r.omitted = 0
	return n
}

// Warn is Log at the level of a warning.
func (r *Ration) Warn(log *slog.Logger, msg string, args ...any) {
	r.Log(log, slog.LevelWarn, msg, args...)
}

// Log writes a line of no source if it is admitted. The line says how many were omitted
// before it; those omitted last are reported with the next one, however late, which
// needs no timer.
func (r *Ration) Log(log *slog.Logger, level slog.Level, msg string, args ...any) {
	if !r.Admit(time.Now(), netip.Prefix{}) {
		return
	}
	if n := r.Omitted(); n > 0 {
		args = append(args, "omitted", n)
	}
	log.Log(context.Background(), level, msg, args...)
}
