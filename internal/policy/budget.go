package policy

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"wolgate/internal/wol"
)

// patience is how long a call that fits into the burst waits for its turn, and
// forever the time that a call without a deadline has.
const (
	patience = time.Second
	forever  = 24 * time.Hour
)

// Budget is a number of packets a second, over all callers, with a burst of one
// second's worth. Packets are paid for before they are sent; tokens of what was let through are not refunded.
//
// Calls that fit into the burst pay at once. Bulk calls and copies take turns in order
// of arrival, and pay in chunks of a tenth of a second's worth, between which the
// others come in.
type Budget struct {
	tokens *rate.Limiter
	chunk  int           // packets that are paid for at a time
	turn   chan struct{} // full while a bulk call or copies pay
	queued atomic.Int64  // packets of bulk calls and copies that are not paid for yet
}

// NewBudget returns a full budget of at least one packet a second.
func NewBudget(packetsPerSecond int) *Budget {
	return &Budget{
		tokens: rate.NewLimiter(rate.Limit(packetsPerSecond), packetsPerSecond),
		chunk:  max(1, packetsPerSecond/10), turn: make(chan struct{}, 1),
	}
}

// Guard lets requests through to next as the budget allows. cost returns how many packets
// one target of a request takes.
//
// A call that fits into the burst waits at most a second. A bulk call is refused before
// anything is sent if it cannot end before its deadline, after all that is queued. Small
// calls that come later can still make it late: the receipts of its last targets report
// that they were not sent.
func (b *Budget) Guard(next wol.Waker, cost func(req wol.Request) int) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		if err := wol.Ended(ctx); err != nil {
			return nil, tooLate(err)
		}
		each := max(1, cost(req))
		total := each * len(req.Targets)
		if total > b.tokens.Burst() {
			return b.bulk(ctx, next, req, each)
		}
		if err := b.pay(ctx, total); err != nil {
			return nil, err
		}
		return next.Wake(ctx, req)
	})
}

// pay waits until a small call may leave, or refuses it at once.
func (b *Budget) pay(ctx context.Context, packets int) error {
	now := time.Now()
	allowed := min(patience, timeLeft(ctx, now))
	r := b.tokens.ReserveN(now, packets)
	wait := r.DelayFrom(now)
	if wait > allowed {
		r.CancelAt(now)
		return usedUp(wait - allowed)
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			r.Cancel()
		}
	}
	if err := wol.Ended(ctx); err != nil {
		return tooLate(err)
	}
	return nil
}

// PayNow pays for one packet and reports whether it may leave at once.
func (b *Budget) PayNow() bool { return b.tokens.Allow() }

// timeLeft is how long a call may wait: the answer needs time as well.
func timeLeft(ctx context.Context, now time.Time) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Sub(now) * 9 / 10
	}
	return forever
}

func usedUp(wait time.Duration) error {
	return &wol.Error{Kind: wol.RateLimited, RetryAfter: max(wait, time.Millisecond),
		Message: "the packet budget of wol-server is used up: wait as long as Retry-After says"}
}

func tooLate(err error) error {
	return &wol.Error{Kind: wol.Timeout, Message: "the call ended before this target's turn", Err: err}
}
