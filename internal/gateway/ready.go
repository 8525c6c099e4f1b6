package gateway

import (
	"sync"
	"time"
)

// readyEvery is how long an answer of the daemon is good for. /readyz needs no
// key, and one request to it must not be worth one request to the daemon.
const readyEvery = time.Second

// pulse asks the daemon whether it is there, once in readyEvery at most.
type pulse struct {
	mu    sync.Mutex
	asked bool
	at    time.Time // of the answer
	err   error
}

// feel returns the last answer, or asks for one. Whoever comes while the daemon
// is being asked waits at the mutex for the same answer.
func (p *pulse) feel(ask func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked && time.Since(p.at) < readyEvery {
		return p.err
	}
	p.err = ask() // it has a deadline of its own
	p.asked, p.at = true, time.Now()
	return p.err
}
