package wol

import "errors"

// Outcome is what became of the magic packets for one target. None of its values
// says that a computer has woken.
type Outcome string

// The outcomes. A Receipt has one of the first three.
const (
	Sent    Outcome = "sent"    // a packet went to every destination
	Partial Outcome = "partial" // to some, and some failed
	Failed  Outcome = "failed"  // to none, although it was tried
	Refused Outcome = "refused" // to none, because it was not tried
	Unknown Outcome = "unknown" // perhaps to some: no answer says so
)

// Outcomes returns all of them.
func Outcomes() []Outcome { return []Outcome{Sent, Partial, Failed, Refused, Unknown} }

// OutcomeOf returns the outcome for every target of a request that ended with err.
func OutcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*Error](err); ok && e.Unsure {
		return Unknown
	}
	switch KindOf(err) {
	case Invalid, Forbidden, RateLimited:
		return Refused
	case Unavailable, Timeout:
		return Failed
	default: // the cause is not known, so neither is how far the request got
		return Unknown
	}
}
