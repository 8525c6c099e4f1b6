package gateway

import "time"

// Observer counts what goes on at the door. Whoever asks can make up no new word of
// those that it is told. Its methods are called from many goroutines.
type Observer interface {
	// Request is told of every request that reached the routes; route is the pattern
	// that answered it, or "none".
	Request(route string, status int, took time.Duration)
	// Denied is told of every request that its key, or the want of one, keeps out.
	Denied(why Denial)
	// Limited is told of every request that a limit of the gateway refuses.
	Limited(by Limit)
}

// Denial is why a key does not let a request in.
type Denial string

// The denials. A key that was never made, mistyped or revoked is the same to us.
const (
	NoKey      Denial = "no_key"
	InvalidKey Denial = "invalid"
	ExpiredKey Denial = "expired"
	NoScope    Denial = "scope"  // the key is valid, and not for this route
	NoTarget   Denial = "target" // the key is valid, and not for this target
)

// Denials returns all of them.
func Denials() []Denial { return []Denial{NoKey, InvalidKey, ExpiredKey, NoScope, NoTarget} }

// Limit is a limit of the gateway. The daemon has one of its own, which a
// wol.RateLimited error of the Waker tells of.
type Limit string

// The limits.
const (
	KeyLimit  Limit = "key"          // requests of one key
	TryLimit  Limit = "tries"        // requests without a valid key from one address
	BodyLimit Limit = "large_bodies" // of one key
)

// Limits returns all of them.
func Limits() []Limit { return []Limit{KeyLimit, TryLimit, BodyLimit} }
