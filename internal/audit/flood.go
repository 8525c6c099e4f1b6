package audit

import (
	"log/slog"
	"time"
)

// perSecond is how many lines of one name there are in any second.
const perSecond = 10

// flood is the recent past of one name.
type flood struct {
	lines      [perSecond]time.Time // when the latest were written
	oldest     int
	suppressed int // events that wait for the line which counts them
	timer      *time.Timer
}

// wait is how long another line has to wait.
func (f *flood) wait(now time.Time) time.Duration {
	return time.Second - now.Sub(f.lines[f.oldest])
}

func (f *flood) wrote(now time.Time) {
	f.lines[f.oldest] = now
	f.oldest = (f.oldest + 1) % perSecond
}

// Event records a security event. Of each name there are at most ten lines in any
// second. The events beyond are counted, and a line of that name has their number
// as "suppressed", a second later at most.
func (l *Log) Event(e Event) {
	name := e.Name // what waits for the timer must not hold the strings of a request
	if name >= names {
		name = unknown
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, f := time.Now(), &l.floods[name]
	if f.suppressed > 0 {
		f.suppressed++
		return
	}
	if wait := f.wait(now); wait > 0 {
		f.suppressed = 1
		f.timer = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.count(name)
		})
		return
	}
	f.wrote(now)
	l.write(now, name.level(), name.String(), e.attrs()...)
}

// Close writes the counts that wait for their second to end. It is called when
// there are no more events, and before the Sink is closed.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range names {
		if f := &l.floods[name]; f.suppressed > 0 {
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
	now := time.Now()
	f.wrote(now)
	l.write(now, name.level(), name.String(), slog.Int("suppressed", f.suppressed))
	f.suppressed = 0
}
