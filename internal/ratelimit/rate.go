package ratelimit

import (
	"math"
	"time"
)

// Rate is a token bucket: it holds Burst tokens at most, at least one, and
// gets PerSecond new ones a second. A rate of nothing a second lets the burst
// through and then no more.
type Rate struct {
	PerSecond float64
	Burst     int
}

// interval is the time between two tokens, to the nanosecond. It is at most so
// long that no sum of times overflows: an empty bucket fills in 73 years.
func (r Rate) interval() time.Duration {
	longest := time.Duration(math.MaxInt64/4) / time.Duration(r.burst())
	interval := math.Round(float64(time.Second) / r.PerSecond)
	if r.PerSecond > 0 && interval < float64(longest) {
		return max(1, time.Duration(interval))
	}
	return longest
}

func (r Rate) burst() int { return min(max(1, r.Burst), math.MaxInt32) }
