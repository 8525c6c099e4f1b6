package policy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
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

	large chan struct{} // holds a token while a large call is under way: they take turns

	mu       sync.Mutex
	promised int           // packets of calls that were admitted and have not begun to pay
	kept     chan struct{} // closed when nothing is promised any more; nil while nothing is
}

// NewBudget returns a full budget of at least one packet a second.
func NewBudget(perSecond int) *Budget {
	return &Budget{perSecond: perSecond, tokens: rate.NewLimiter(rate.Limit(perSecond), perSecond), large: make(chan struct{}, 1)}
}

// PayLast waits until that many packets may leave of those that nobody waits for,
// the later copies: calls that were promised to end before their deadline go first.
// Its error says that ctx has ended, or would have before.
func (b *Budget) PayLast(ctx context.Context, packets int) error {
	for {
		b.mu.Lock()
		kept := b.kept
		b.mu.Unlock()
		if kept == nil {
			return b.pay(ctx, packets)
		}
		select {
		case <-kept:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Budget) pay(ctx context.Context, packets int) error {
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
		if err := ctx.Err(); err != nil {
			return nil, tooLate(err)
		}
		each := max(1, cost(req))
		total := each * len(req.Targets)
		if total > b.perSecond {
			if err := b.promise(ctx, each, total); err != nil {
				return nil, err
			}
			return b.portions(ctx, next, req, each)
		}
		if err := b.turn(ctx, total); err != nil {
			return nil, err
		}
		return next.Wake(ctx, req)
	})
}

// turn waits for the turn of a small call, or refuses it at once.
func (b *Budget) turn(ctx context.Context, total int) error {
	now := time.Now()
	allowed := min(patience, left(ctx, now))
	r := b.tokens.ReserveN(now, total)
	wait := r.DelayFrom(now)
	if wait > allowed {
		r.CancelAt(now)
		return usedUp(wait - allowed)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		r.Cancel()
		return tooLate(ctx.Err())
	}
}

// promise admits a large call if it can end in time after those that were admitted
// before, whose turn comes first.
func (b *Budget) promise(ctx context.Context, each, total int) error {
	allowed := left(ctx, time.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	short := float64(total+b.promised) - b.tokens.Tokens()
	wait := time.Duration(max(0, short) / float64(b.perSecond) * float64(time.Second))
	if wait <= allowed {
		b.promised += total
		if b.kept == nil {
			b.kept = make(chan struct{})
		}
		return nil
	}
	most := float64(b.perSecond) * (1 + allowed.Seconds())
	if float64(total) <= most {
		return usedUp(wait - allowed)
	}
	// No waiting makes room for it, which the message says.
	message := "this call needs more packets than the budget of wol-server lets out in its time: raise --max-pps, or give the call more time"
	if fits := int(most) / each; fits > 0 {
		message = fmt.Sprintf("this call needs more packets than the budget of wol-server lets out in its time: name at most %d targets, or raise --max-pps", fits)
	}
	return &wol.Error{Kind: wol.RateLimited, RetryAfter: wait - allowed, Message: message}
}

// settle takes back what was promised, because it is paid or never will be.
func (b *Budget) settle(packets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promised -= packets
	if b.promised == 0 && b.kept != nil {
		close(b.kept)
		b.kept = nil
	}
}

// left is how long a call may wait: the answer needs time as well.
func left(ctx context.Context, now time.Time) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return deadline.Sub(now) * 9 / 10
	}
	return math.MaxInt64
}

func usedUp(wait time.Duration) error {
	return &wol.Error{Kind: wol.RateLimited, RetryAfter: wait,
		Message: "the packet budget of wol-server is used up: wait as long as Retry-After says"}
}

func tooLate(err error) error {
	return &wol.Error{Kind: wol.Timeout, Message: "the call ended before this target's turn", Err: err}
}

// portions passes a call on, each portion once its packets are paid for.
func (b *Budget) portions(ctx context.Context, next wol.Waker, req wol.Request, each int) ([]wol.Receipt, error) {
	size := max(1, b.perSecond/10/each)
	targets := req.Targets
	unpaid := each * len(targets)
	defer func() { b.settle(unpaid) }()
	select {
	case b.large <- struct{}{}:
		defer func() { <-b.large }()
	case <-ctx.Done():
		return nil, tooLate(ctx.Err())
	}
	receipts := make([]wol.Receipt, 0, len(targets))
	for len(receipts) < len(targets) {
		n := min(size, len(targets)-len(receipts))
		req.Targets = targets[len(receipts):][:n]
		b.settle(each * n) // the bucket counts it from here on
		unpaid -= each * n
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
	err := b.pay(ctx, packets)
	switch {
	case err == nil:
		return next.Wake(ctx, req)
	case ctx.Err() != nil:
		return nil, tooLate(err)
	default: // others came in between, and its turn would come after its end
		return nil, usedUp(time.Second)
	}
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
