package audit

import (
	"log/slog"
	"time"

	"wolgate/internal/logs"
	"wolgate/internal/ratelimit"
)

// How many lines of one name there are in any second, besides one that counts the
// rest, and how many of them are of one source and of one site.
const (
	linesPerSecond = 9
	linesPerSource = 3
	linesPerSite   = 4
)

// flood bounds the lines of one name.
type flood struct {
	logs.Ration
	timer *time.Timer // writes how many were omitted; nil while there are none
}

// Event records a security event. Of each name that outsiders can provoke there
// are at most ten lines in any second. The events beyond are counted, and a line
// of that name has their number as "suppressed", a second later at most.
func (l *Log) Event(e Event) {
	name := e.Name // the timer must not hold the strings of a request
	if name >= names {
		name = unknown
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, f := time.Now(), &l.floods[name]
	if !name.provoked() || f.Admit(now, ratelimit.Source(e.By.Source)) {
		l.write(now, name.level(), name.String(), e.attrs()...)
		return
	}
	if f.timer == nil {
		f.timer = time.AfterFunc(time.Second, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.count(name)
		})
	}
}

// Close writes the counts that wait for their second to end. Call it when no more
// events are provoked, and before the Sink is closed.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range names {
		if timer := l.floods[name].timer; timer != nil {
			timer.Stop()
			l.count(name)
		}
	}
}

// count writes how many events of name were suppressed, unless Close was faster. It is
// called with the lock held.
func (l *Log) count(name Name) {
	f := &l.floods[name]
	if n := f.Omitted(); n > 0 {
		l.write(time.Now(), name.level(), name.String(), slog.Int("suppressed", n))
	}
	f.timer = nil
}
