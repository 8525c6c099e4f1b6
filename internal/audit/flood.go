package audit

import (
	"log/slog"
	"net/netip"
	"time"

	"wolgate/internal/ratelimit"
)

// How many lines of one name there are in any second: nine that say what has
// happened, and one that counts the rest. Of the nine a source has three, so that
// whoever floods the log hides nobody else in it.
const (
	perSecond = 9
	perSource = 3
)

// flood is the recent past of one name.
type flood struct {
	lines      [perSecond]trace // the latest
	oldest     int
	suppressed int         // events that wait for the line which counts them
	timer      *time.Timer // writes it; nil while there are none
}

// trace is what is remembered of a line.
type trace struct {
	at     time.Time
	source netip.Prefix
}

// admits says whether an event of source may have a line of its own.
func (f *flood) admits(now time.Time, source netip.Prefix) bool {
	if now.Sub(f.lines[f.oldest].at) < time.Second {
		return false
	}
	same := 0
	for _, line := range f.lines {
		if line.source == source && now.Sub(line.at) < time.Second {
			same++
		}
	}
	return same < perSource
}

func (f *flood) wrote(now time.Time, source netip.Prefix) {
	f.lines[f.oldest] = trace{now, source}
	f.oldest = (f.oldest + 1) % perSecond
}

// Event records a security event. Of each name that strangers can provoke there
// are at most ten lines in any second. The events beyond are counted, and a line
// of that name has their number as "suppressed", a second later at most.
func (l *Log) Event(e Event) {
	name := e.Name // what waits for the timer must not hold the strings of a request
	if name >= names {
		name = unknown
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !name.provoked() {
		l.write(now, name.level(), name.String(), e.attrs()...)
		return
	}
	f, source := &l.floods[name], ratelimit.Source(e.Source)
	if !f.admits(now, source) {
		f.suppressed++
		if f.timer == nil {
			f.timer = time.AfterFunc(time.Second, func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.count(name)
			})
		}
		return
	}
	f.wrote(now, source)
	l.write(now, name.level(), name.String(), e.attrs()...)
}

// Close writes the counts that wait for their second to end. It is called when
// nothing more is provoked, and before the Sink is closed.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range names {
		if f := &l.floods[name]; f.timer != nil {
			f.timer.Stop()
			l.count(name)
		}
	}
}

// count writes how many events of name were suppressed. It is called with the
// lock held.
func (l *Log) count(name Name) {
	f := &l.floods[name]
	if f.suppressed == 0 { // Close was faster
		return
	}
	l.write(time.Now(), name.level(), name.String(), slog.Int("suppressed", f.suppressed))
	f.suppressed, f.timer = 0, nil
}
