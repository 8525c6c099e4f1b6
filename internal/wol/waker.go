package wol

import "context"

// MaxTargets is the largest number of targets in one Request.
const MaxTargets = 1000

// Target is one computer to wake.
type Target struct {
	MAC      MAC
	SecureOn SecureOn
}

// Request asks for magic packets. It names no address and no port: where a
// packet may go is the daemon's own configuration.
type Request struct {
	// ID ties the log lines of both programs together.
	ID string
	// By is who asks. It does not cross the socket: the daemon has no callers but
	// its gateway.
	By Caller
	// Interface limits the send to one of the daemon's interfaces; empty means
	// all that are eligible.
	Interface string
	// Targets holds 1 to MaxTargets computers.
	Targets []Target
}

// Waker is the seam of wolgate: whatever can wake a target is one of these.
//
// Wake sends a magic packet to every target and returns one Receipt a target,
// in the order of req.Targets. It returns once the first copy has been handed
// to every destination. A nil error means that at least one packet left; a
// target none of whose packets left has a Receipt that is not OK.
//
// The error is an *Error: Invalid for an interface that cannot be chosen,
// Forbidden and RateLimited from policies, Unavailable when nothing left, Timeout
// when ctx ended first or it is not known whether anything left, BadUpstream and
// Internal as their names say. Nothing has been sent when it is Invalid, Forbidden or
// RateLimited.
type Waker interface {
	Wake(ctx context.Context, req Request) ([]Receipt, error)
}

// WakerFunc is a function that is a Waker.
type WakerFunc func(ctx context.Context, req Request) ([]Receipt, error)

// Wake calls f.
func (f WakerFunc) Wake(ctx context.Context, req Request) ([]Receipt, error) { return f(ctx, req) }
