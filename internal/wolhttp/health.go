package wolhttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"wolgate/internal/wol"
)

const (
	healthPace = time.Second // how long an answer of the daemon is good for
	// healthWait is how long Check waits for one. Kubernetes gives a probe a second.
	healthWait = 800 * time.Millisecond
)

// Health knows whether the daemon answers. However many ask, the daemon is asked at most
// once a second.
type Health struct {
	ping func(ctx context.Context, requestID string) error
	log  *slog.Logger
	// healthPace and healthWait, but for tests
	pace, wait time.Duration

	mu    sync.Mutex
	asked time.Time // when the last answer came, or was given up on
	err   error
}

// NewHealth returns the health of the daemon behind c. log is told each time that the
// daemon was asked in vain.
func NewHealth(c *Client, log *slog.Logger) *Health {
	return &Health{ping: c.Ping, log: log, pace: healthPace, wait: healthWait}
}

// Check returns nil if the daemon answered a moment ago, or does within healthWait, and
// otherwise why it did not. A daemon that does not answer is unavailable: 503 is what probes
// and proxies act on. Concurrent callers wait for one answer.
func (h *Health) Check(requestID string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < h.pace {
		return h.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.wait)
	defer cancel()
	h.err = h.ping(ctx, requestID)
	if wol.KindOf(h.err) == wol.Timeout {
		h.err = &wol.Error{Kind: wol.Unavailable, RetryAfter: h.pace, Err: h.err,
			Message: "wol-server does not answer: see its log, and restart it if it does not recover"}
	}
	h.asked = time.Now()
	if h.err != nil {
		h.log.Warn("not ready", "request_id", requestID, "err", h.err)
	}
	return h.err
}

// Probe asks once whether the daemon behind dial answers. The error is the cause, without
// the words that are meant for the gateway's callers.
func Probe(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) error {
	c := NewClient(dial, 3*time.Second)
	defer c.Close()
	err := c.Ping(ctx, wol.NewRequestID())
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}
