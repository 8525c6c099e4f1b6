package wol

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
)

// MaxTargets is the largest number of targets in one Request.
const MaxTargets = 1000

// Target is one host to wake.
type Target struct {
	MAC      MAC
	SecureOn SecureOn
}

// Request asks for magic packets. It names no address and no port: where a
// packet may go is the daemon's own configuration.
type Request struct {
	// ID ties the log lines of both programs together.
	ID string
	// Interface limits the send to one of the daemon's interfaces; empty means
	// all that are eligible.
	Interface string
	// Targets holds 1 to MaxTargets hosts.
	Targets []Target
}

// Distinct yields each target once, with the index at which the request names it
// first. A target that is named again is not sent again, though it has a Receipt
// for each time.
func (req Request) Distinct() iter.Seq2[int, Target] {
	return func(yield func(int, Target) bool) {
		seen := make(map[Target]bool, len(req.Targets))
		for i, target := range req.Targets {
			if seen[target] {
				continue
			}
			seen[target] = true
			if !yield(i, target) {
				return
			}
		}
	}
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
// when ctx ended first, BadUpstream and Internal as their names say. Nothing has
// been sent when it is Invalid, Forbidden or RateLimited.
type Waker interface {
	Wake(ctx context.Context, req Request) ([]Receipt, error)
}

// WakerFunc is a function that is a Waker.
type WakerFunc func(ctx context.Context, req Request) ([]Receipt, error)

// Wake calls f.
func (f WakerFunc) Wake(ctx context.Context, req Request) ([]Receipt, error) { return f(ctx, req) }

// Status is the outcome for one target.
type Status string

// The outcomes. None says that a host has woken.
const (
	Sent    Status = "sent"    // a packet went to every destination
	Partial Status = "partial" // to some, and some failed
	Failed  Status = "failed"  // to none; only among several targets
)

// Receipt says what left this host for one target. Build it with NewReceipt.
type Receipt struct {
	OK        bool       `json:"ok" example:"true"`
	Status    Status     `json:"status" swaggertype:"string" enums:"sent,partial,failed" example:"partial"`
	MAC       MAC        `json:"mac_addr" swaggertype:"string" example:"02:11:22:33:44:55"`
	RequestID string     `json:"request_id" example:"5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e"`
	Sent      []Delivery `json:"sent"`
	Failed    []Failure  `json:"failed"`
} // @name Receipt

// Delivery is a packet that the kernel accepted.
type Delivery struct {
	Interface   string `json:"interface,omitempty" example:"eth0"` // empty where the routing table chose
	Destination string `json:"destination" example:"192.168.1.255:9"`
	Bytes       int    `json:"bytes" example:"102"`
} // @name Delivery

// Failure is a destination that no packet reached, and why.
type Failure struct {
	Interface   string `json:"interface,omitempty" example:"eth1"`
	Destination string `json:"destination" example:"10.0.0.255:9"`
	Error       string `json:"error" example:"network is down"`
} // @name Failure

// The errors of a Failure that others than people look at.
const (
	FirewallRefuses = "a firewall on this host refuses it (operation not permitted)"
	QueueFull       = "queue is full, or an egress rule of a firewall on this host drops it (no buffer space available)"
)

// NewReceipt derives the status from what was sent and what failed.
func NewReceipt(mac MAC, requestID string, sent []Delivery, failed []Failure) Receipt {
	r := Receipt{OK: true, Status: Sent, MAC: mac, RequestID: requestID, Sent: sent, Failed: failed}
	switch {
	case len(sent) == 0:
		r.OK, r.Status = false, Failed
	case len(failed) > 0:
		r.Status = Partial
	}
	if r.Sent == nil {
		r.Sent = []Delivery{} // an empty list in JSON, not null
	}
	if r.Failed == nil {
		r.Failed = []Failure{}
	}
	return r
}

// UnmarshalJSON refuses a receipt without a target, and one whose verdict its own
// lists contradict.
func (r *Receipt) UnmarshalJSON(text []byte) error {
	type plain Receipt
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	if p.MAC == (MAC{}) {
		return errors.New("receipt names no target")
	}
	derived := NewReceipt(p.MAC, p.RequestID, p.Sent, p.Failed)
	if p.OK != derived.OK || p.Status != derived.Status {
		return errors.New("receipt contradicts itself")
	}
	for _, d := range p.Sent {
		if d.Destination == "" || d.Bytes != 102 && d.Bytes != 106 && d.Bytes != 108 {
			return errors.New("receipt names a delivery to nowhere, or of something else than a magic packet")
		}
	}
	*r = derived
	return nil
}
