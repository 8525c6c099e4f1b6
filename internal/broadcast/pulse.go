package broadcast

import (
	"sync"
	"time"
)

// A process whose timer is this late was not merely busy: it was stopped.
const (
	pulseEvery = 250 * time.Millisecond
	pulseLost  = 2 * time.Second
)

// pulse notices when the process was stopped for a while (SIGSTOP, a frozen cgroup, a
// paused virtual machine), which no signal and no other timer tells for certain. It
// beats only while it is started, so that an idle daemon sleeps.
type pulse struct {
	mu      sync.Mutex
	timer   *time.Timer // nil while it rests
	last    time.Time   // of the latest beat
	resumed time.Time   // when the process last went on after a stop
}

func (p *pulse) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		return
	}
	p.last = time.Now()
	p.timer = time.AfterFunc(pulseEvery, p.beat)
}

func (p *pulse) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	p.look()
	p.timer.Reset(pulseEvery)
}

// look is for whoever holds mu.
func (p *pulse) look() {
	now := time.Now()
	if now.Sub(p.last) > pulseLost {
		p.resumed = now
	}
	p.last = now
}

// missed says whether the process was stopped at, or after, that time.
func (p *pulse) missed(due time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.look()
	}
	return due.Before(p.resumed)
}
