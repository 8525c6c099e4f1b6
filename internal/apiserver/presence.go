package apiserver

import (
	"context"
	"sync"
	"time"

	"wolgate/internal/wol"
)

const (
	// presenceTimeout is how long a scrape waits for the daemon. Prometheus gives a
	// scrape ten seconds; --timeout may be a minute, and so the wait of /readyz.
	presenceTimeout = time.Second
	// presenceEvery is how long an answer is good for, whoever scrapes how often.
	presenceEvery = time.Second
)

// presence asks the daemon whether it is there when somebody wants to know.
type presence struct {
	ctx  context.Context // of the program; a scrape has none that reaches a collector
	ping func(ctx context.Context, requestID string) error

	mu       sync.Mutex
	answered time.Time // or given up on
	is       float64
}

// up returns 1 if the daemon answers, and 0 if not. Who comes while it is being asked
// waits for the same answer.
func (p *presence) up() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.answered.IsZero() && time.Since(p.answered) < presenceEvery {
		return p.is
	}
	ctx, cancel := context.WithTimeout(p.ctx, presenceTimeout)
	defer cancel()
	p.is = 0
	if p.ping(ctx, wol.NewRequestID()) == nil {
		p.is = 1
	}
	p.answered = time.Now()
	return p.is
}
