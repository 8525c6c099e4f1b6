package ratelimit

import "time"

// Decision is what a bucket says of one request. In the words of
// draft-ietf-httpapi-ratelimit-headers, Limit and Window are q and w of
// RateLimit-Policy, Remaining and Reset are r and t of RateLimit.
type Decision struct {
	OK        bool
	Limit     int // tokens that a full bucket holds
	Remaining int // whole tokens that are there now

	Window     time.Duration // in which an empty bucket fills
	Reset      time.Duration // until there is one token more; zero where the bucket is full
	RetryAfter time.Duration // until there is a token to take; zero where OK
}
