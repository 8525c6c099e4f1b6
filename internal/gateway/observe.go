package gateway

import (
	"time"

	"wolgate/internal/wol"
)

// Observer records metrics. All its words come from fixed sets. Its methods are called
// from many goroutines.
type Observer interface {
	// Request is told of every request that reached the routes; route is the pattern
	// that answered it, or "none".
	Request(route string, status int, took time.Duration)
	// Denied is told of every request whose caller is not let in.
	Denied(why wol.Denial)
	// Limited is told of every request that a limit of the gateway refuses.
	Limited(by Limit)
}

// Limit is a limit of the gateway. The daemon has one of its own, which a
// wol.RateLimited error of the Waker tells of.
type Limit string

// The limits.
const (
	KeyLimit    Limit = "key"          // requests of one key
	TryLimit    Limit = "tries"        // requests without a valid key from one address
	BodyLimit   Limit = "large_bodies" // of one key, or of all
	MemoryLimit Limit = "memory"       // large calls of all keys at a time
)

// Limits returns all of them.
func Limits() []Limit { return []Limit{KeyLimit, TryLimit, BodyLimit, MemoryLimit} }
