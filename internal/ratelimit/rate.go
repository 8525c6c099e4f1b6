package ratelimit

import "time"

// Rate is a token bucket: it holds at most Burst tokens, at least one, and gets
// PerSecond new ones a second, more than none. A time.Duration holds the time in which
// it fills: 292 years at most.
type Rate struct {
	PerSecond float64
	Burst     int
}

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
