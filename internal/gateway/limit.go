package gateway

import (
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/time/rate"

	"wolgate/internal/wol"
)

// limits holds a token bucket a key. There are as many as there have been keys,
// which is few; time is the monotonic clock's.
type limits struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newLimits(perSecond float64, burst int) *limits {
	return &limits{rate: rate.Limit(perSecond), burst: burst, buckets: map[string]*rate.Limiter{}}
}

// limit refuses a key that asks too often.
func (g *gateway) limit(c *fiber.Ctx) error {
	wait := g.limits.take(principal(c).ID, time.Now())
	if wait > 0 {
		return &wol.Error{Kind: wol.RateLimited, RetryAfter: wait,
			Message: "this key has asked too often: wait as long as Retry-After says; its burst is " + strconv.Itoa(g.limits.burst) + " requests"}
	}
	return c.Next()
}

// take returns how long the key has to wait, or zero after taking a token.
func (l *limits) take(id string, now time.Time) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	bucket, ok := l.buckets[id]
	if !ok {
		bucket = rate.NewLimiter(l.rate, l.burst)
		l.buckets[id] = bucket
	}
	l.mu.Unlock()
	r := bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}
