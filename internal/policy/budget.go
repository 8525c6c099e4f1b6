package policy

import (
	"context"
	"errors"
	"math"
	"time"

	"golang.org/x/time/rate"

	"wolgate/internal/wol"
)

// Budget lets at most perSecond packets a second through to next, over all
// callers and with a burst of one second's worth. cost is what one target of a
// request takes, copies included.
//
// A call that fits into the burst is answered at once, by next or with kind
// RateLimited. A larger call is passed on in portions as the budget refills, if
// that can end before its deadline; otherwise it is refused before anything is
// sent. What was let through is spent, also where next then sent nothing.
func Budget(next wol.Waker, perSecond int, cost func(req wol.Request) int) wol.Waker {
	b := budget{next: next, cost: cost, perSecond: perSecond, tokens: rate.NewLimiter(rate.Limit(perSecond), perSecond)}
	return wol.WakerFunc(b.wake)
}

type budget struct {
	next      wol.Waker
	cost      func(req wol.Request) int
	perSecond int
	tokens    *rate.Limiter
}

func (b *budget) wake(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
	each := b.cost(req)
	total := each * len(req.Targets)
	if total <= b.perSecond {
		if !b.tokens.AllowN(time.Now(), total) {
			return nil, b.refuse(total)
		}
		return b.next.Wake(ctx, req)
	}
	if deadline, ok := ctx.Deadline(); ok && b.wait(total) > time.Until(deadline) {
		return nil, b.refuse(total)
	}
	return b.portions(ctx, req, each)
}

// portions passes a large call on, each portion once its packets are paid for.
func (b *budget) portions(ctx context.Context, req wol.Request, each int) ([]wol.Receipt, error) {
	size := max(1, b.perSecond/each)
	targets := req.Targets
	receipts := make([]wol.Receipt, 0, len(targets))
	for len(receipts) < len(targets) {
		n := min(size, len(targets)-len(receipts))
		req.Targets = targets[len(receipts):][:n]
		part, err := b.portion(ctx, req, each*n)
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

func (b *budget) portion(ctx context.Context, req wol.Request, packets int) ([]wol.Receipt, error) {
	for packets > 0 {
		n := min(packets, b.perSecond)
		if err := b.tokens.WaitN(ctx, n); err != nil {
			return nil, b.refuse(packets)
		}
		packets -= n
	}
	return b.next.Wake(ctx, req)
}

// wait is how long it takes until packets are paid for.
func (b *budget) wait(packets int) time.Duration {
	short := float64(packets) - b.tokens.Tokens()
	return time.Duration(math.Max(0, short) / float64(b.perSecond) * float64(time.Second))
}

func (b *budget) refuse(packets int) error {
	return &wol.Error{
		Kind: wol.RateLimited, RetryAfter: b.wait(min(packets, b.perSecond)) + time.Millisecond,
		Message: "the packet budget of wol-server is used up: wait as long as Retry-After says, or name fewer targets in one call",
	}
}
