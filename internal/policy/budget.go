package policy

import (
	"context"
	"sync"
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
// second's worth. Whoever sends pays first; turns are in order of arrival.
type Budget struct {
	perSecond int
	large     chan struct{} // holds a token while a large call pays: they take turns

	mu       sync.Mutex
	tokens   *rate.Limiter
	promises []*promise    // in the order of their turns
	owed     int           // packets of the copies that wait in PayLast
	changed  chan struct{} // closed, and replaced, when a promise has been paid in part
}

// NewBudget returns a full budget of at least one packet a second.
func NewBudget(perSecond int) *Budget {
	return &Budget{
		perSecond: perSecond, large: make(chan struct{}, 1),
		tokens: rate.NewLimiter(rate.Limit(perSecond), perSecond), changed: make(chan struct{}),
	}
}

// Guard lets requests through to next as the budget allows. cost is what one
// target of a request takes.
//
// A call that fits into the burst waits at most a second for its turn. A larger
// one is passed on in portions of a tenth of a second's worth, so that others
// come in between, as long as it can end before its deadline; nobody is let in
// who would make it late. What cannot is refused before anything is sent. What was
// let through is spent, also where next then sent nothing.
func (b *Budget) Guard(next wol.Waker, cost func(req wol.Request) int) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		if err := wol.Ended(ctx); err != nil {
			return nil, tooLate(err)
		}
		each := max(1, cost(req))
		total := each * len(req.Targets)
		if total > b.perSecond {
			p, err := b.promise(ctx, each, total)
			if err != nil {
				return nil, err
			}
			defer b.settle(p)
			return b.portions(ctx, next, req, each, p)
		}
		if err := b.turn(ctx, total); err != nil {
			return nil, err
		}
		return next.Wake(ctx, req)
	})
}

// turn waits for the turn of a small call, or refuses it at once.
func (b *Budget) turn(ctx context.Context, total int) error {
	r, wait, err := b.reserveTurn(ctx, total)
	if err != nil {
		return err
	}
	return await(ctx, r, wait)
}

func (b *Budget) reserveTurn(ctx context.Context, total int) (*rate.Reservation, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.fits(total, now) {
		return nil, 0, usedUp(b.span(b.promised() + total))
	}
	allowed := min(patience, left(ctx, now))
	r := b.tokens.ReserveN(now, total)
	wait := r.DelayFrom(now)
	if wait > allowed {
		r.CancelAt(now)
		return nil, 0, usedUp(wait - allowed)
	}
	return r, wait, nil
}

// PayLast waits until that many packets may leave of those that nobody waits for,
// the later copies. Calls that were promised to end in time go first; a new promise
// is not given before the copies that wait already. The error is that of ctx.
func (b *Budget) PayLast(ctx context.Context, packets int) error {
	for packets > 0 {
		n := min(packets, b.perSecond)
		b.mu.Lock()
		now := time.Now()
		if !b.fits(n, now) {
			b.owed = packets
			changed := b.changed
			b.mu.Unlock()
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				b.forgive()
				return ctx.Err()
			}
		}
		r := b.tokens.ReserveN(now, n)
		b.owed = packets - n
		b.mu.Unlock()
		if err := await(ctx, r, r.DelayFrom(now)); err != nil {
			b.forgive()
			return err
		}
		packets -= n
	}
	return nil
}

func (b *Budget) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owed = 0
}

// await waits for a turn that is reserved, and gives it up when ctx ends before.
func await(ctx context.Context, r *rate.Reservation, wait time.Duration) error {
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

// left is how long a call may wait: the answer needs time as well.
func left(ctx context.Context, now time.Time) time.Duration {
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
