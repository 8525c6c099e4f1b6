package policy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"wolgate/internal/wol"
)

// patience is how long a call that fits into the burst waits for its turn.
const patience = time.Second

// Budget is a number of packets a second, over all callers, with a burst of one
// second's worth. Whoever sends pays first; turns are in order of arrival.
type Budget struct {
	perSecond int
	tokens    *rate.Limiter
}

// NewBudget returns a full budget of at least one packet a second.
func NewBudget(perSecond int) *Budget {
	return &Budget{perSecond: perSecond, tokens: rate.NewLimiter(rate.Limit(perSecond), perSecond)}
}

// Pay waits until that many packets may leave. Its error says that ctx has
// ended, or would have before.
func (b *Budget) Pay(ctx context.Context, packets int) error {
	for packets > 0 {
		n := min(packets, b.perSecond)
		if err := b.tokens.WaitN(ctx, n); err != nil {
			return err
		}
		packets -= n
	}
	return nil
}

// Guard lets requests through to next as the budget allows. cost is what one
// target of a request takes.
//
// A call that fits into the burst waits at most a second for its turn. A larger
// one is passed on in portions of a tenth of a second's worth, so that others
// come in between, as long as it can end before its deadline. What cannot is
// refused before anything is sent. What was let through is spent, also where
// next then sent nothing.
func (b *Budget) Guard(next wol.Waker, cost func(req wol.Request) int) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		each := max(1, cost(req))
		if err := b.admit(ctx, each, len(req.Targets)); err != nil {
			return nil, err
		}
		return b.portions(ctx, next, req, each)
	})
}

// admit refuses a call whose turn would come too late.
func (b *Budget) admit(ctx context.Context, each, targets int) error {
	if err := ctx.Err(); err != nil {
		return tooLate(err)
	}
	total := each * targets
	allowed := time.Duration(math.MaxInt64)
	if total <= b.perSecond {
		allowed = patience
	}
	if deadline, ok := ctx.Deadline(); ok {
		allowed = min(allowed, time.Until(deadline)*9/10) // the answer needs time as well
	}
	short := float64(total) - b.tokens.Tokens()
	wait := time.Duration(max(0, short) / float64(b.perSecond) * float64(time.Second))
	if wait <= allowed {
		return nil
	}
	refusal := &wol.Error{Kind: wol.RateLimited, RetryAfter: wait - allowed,
		Message: "the packet budget of wol-server is used up: wait as long as Retry-After says"}
	if most := float64(b.perSecond) * (1 + allowed.Seconds()); float64(total) > most {
		refusal.RetryAfter = 0 // no waiting makes room for it
		refusal.Message = fmt.Sprintf("this call needs more packets than the budget of wol-server lets out in its time: name at most %d targets, or raise --max-pps", int(most)/each)
	}
	return refusal
}

// portions passes a call on, each portion once its packets are paid for.
func (b *Budget) portions(ctx context.Context, next wol.Waker, req wol.Request, each int) ([]wol.Receipt, error) {
	size := max(1, b.perSecond/10/each)
	targets := req.Targets
	receipts := make([]wol.Receipt, 0, len(targets))
	for len(receipts) < len(targets) {
		n := min(size, len(targets)-len(receipts))
		req.Targets = targets[len(receipts):][:n]
		part, err := b.portion(ctx, next, req, each*n)
		if err != nil && len(receipts) == 0 {
			return nil, err
		}
		if err != nil { // something has left already: say of the rest that it has not, and why
			for _, target := range targets[len(receipts):] {
				receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, nil, failures(err)))
			}
			return receipts, nil
		}
		receipts = append(receipts, part...)
	}
	return receipts, nil
}

func (b *Budget) portion(ctx context.Context, next wol.Waker, req wol.Request, packets int) ([]wol.Receipt, error) {
	if err := b.Pay(ctx, packets); err != nil {
		return nil, tooLate(err)
	}
	return next.Wake(ctx, req)
}

func tooLate(err error) error {
	return &wol.Error{Kind: wol.Timeout, Message: "the call ended before this target's turn", Err: err}
}

// failures returns what an error says of the destinations, or the error itself
// where it got to none.
func failures(err error) []wol.Failure {
	if e, ok := errors.AsType[*wol.Error](err); ok {
		if len(e.Failed) > 0 {
			return e.Failed
		}
		return []wol.Failure{{Error: e.Message}}
	}
	return []wol.Failure{{Error: string(wol.KindOf(err))}}
}
