package wolhttp

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// healthPace is how long Check waits for the daemon, and how long its answer is good for.
const healthPace = time.Second

// Health knows whether the daemon answers. However many ask, the daemon is asked at most
// once a second.
type Health struct {
	ping func(ctx context.Context, requestID string) error
	log  *slog.Logger
	pace time.Duration // healthPace, but for tests

	mu    sync.Mutex
	asked time.Time // when the last answer came, or was given up on
	err   error
}

// NewHealth returns the health of the daemon behind c. log is told each time that the
// daemon was asked in vain.
func NewHealth(c *Client, log *slog.Logger) *Health {
	return &Health{ping: c.Ping, log: log, pace: healthPace}
}

// Check returns nil if the daemon answered a moment ago, or does within a second, and
// otherwise why it did not. Concurrent callers wait for one answer.
func (h *Health) Check(requestID string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < h.pace {
		return h.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.pace)
	defer cancel()
	h.err = h.ping(ctx, requestID)
	h.asked = time.Now()
	if h.err != nil {
		h.log.Warn("not ready", "request_id", requestID, "err", h.err)
	}
	return h.err
}
