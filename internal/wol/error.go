package wol

import (
	"context"
	"errors"
	"time"
)

// Kind says what sort of failure an error is. Its text is the code that
// clients see.
type Kind string

// The kinds, and who is expected to act.
const (
	Invalid          Kind = "invalid"            // the caller: the request is malformed
	Unauthenticated  Kind = "unauthenticated"    // the caller: send a valid key
	Forbidden        Kind = "forbidden"          // the operator: the key or the daemon does not allow it
	NotFound         Kind = "not_found"          // the caller: no such route
	MethodNotAllowed Kind = "method_not_allowed" // the caller: the route has other verbs
	RateLimited      Kind = "rate_limited"       // the caller: wait
	BadUpstream      Kind = "bad_upstream"       // the operator: something else answers on the socket
	Unavailable      Kind = "unavailable"        // the operator: no daemon, or no interface that can send
	Timeout          Kind = "timeout"            // the caller: try again; the operator: look at the daemon
	Internal         Kind = "internal"           // us
)

// Error is a failure that a user can meet.
type Error struct {
	Kind Kind
	// Message is one or two sentences for people: what happened and what to do
	// about it. It never quotes the request. Empty means that Kind says it all.
	Message string
	// RetryAfter is how long to wait before another try can do better; zero
	// where time alone does not help.
	RetryAfter time.Duration
	// Unsure is true if a packet may have left nevertheless.
	Unsure bool
	// Status is the HTTP status to show where it says more than Kind does, such as 413
	// for a request of kind Invalid; 0 otherwise.
	Status int
	// Failed lists the destinations that were tried in vain.
	Failed []Failure
	// Err is the cause, for the log only.
	Err error
}

// Error returns the message and the cause, for a log.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = string(e.Kind)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err: that of the first *Error in its chain,
// Timeout for a passed deadline, and Internal for everything else.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Internal
}
