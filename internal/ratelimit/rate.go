package ratelimit

import (
	"math"
	"time"
)

// Rate is a token bucket: it holds at most Burst tokens, at least one, and gets
// PerSecond new ones a second. A rate of nothing a second lets the burst through
// and then no more.
type Rate struct {
	PerSecond float64
	Burst     int
}

// interval is the time between two tokens, to the nanosecond. It is bounded so that
// no sum of times overflows: an empty bucket fills in at most 73 years.
func (r Rate) interval() time.Duration {
	longest := time.Duration(math.MaxInt64/4) / time.Duration(r.burst())
	interval := math.Round(float64(time.Second) / r.PerSecond)
	if r.PerSecond > 0 && interval < float64(longest) {
		return max(1, time.Duration(interval))
	}
	return longest
}

func (r Rate) burst() int { return min(max(1, r.Burst), math.MaxInt32) }

// Decision is the answer of a bucket to one request. In the words of
// draft-ietf-httpapi-ratelimit-headers, Limit and Window are q and w of
// RateLimit-Policy, Remaining and Reset are r and t of RateLimit.
type Decision struct {
	OK        bool
	Limit     int // tokens that a full bucket holds
	Remaining int // whole tokens that are there now

	Window     time.Duration // in which an empty bucket fills
	Reset      time.Duration // until there is one token more; zero if the bucket is full
	RetryAfter time.Duration // until there is a token to take; zero if OK
}
