package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// promise is given to a large call that is admitted: its last packet leaves in time.
type promise struct {
	unpaid int       // packets that are still to be paid for
	until  time.Time // when the last of them has to be
}

// promise admits a large call if it can end in time after those that were admitted
// before, whose turn comes first, and the copies that wait.
func (b *Budget) promise(ctx context.Context, each, total int) (*promise, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	allowed := left(ctx, now)
	wait := b.span(b.promised() + b.owed + total)
	if wait <= allowed {
		p := &promise{unpaid: total, until: now.Add(allowed)}
		b.promises = append(b.promises, p)
		return p, nil
	}
	most := float64(b.perSecond) * (1 + allowed.Seconds())
	if float64(total) <= most {
		return nil, usedUp(wait - allowed)
	}
	// No waiting makes room for it, which the message says.
	message := "this call needs more packets than the budget of wol-server lets out in its time: raise --max-pps, or give the call more time"
	if fits := int(most) / each; fits > 0 {
		message = fmt.Sprintf("this call needs more packets than the budget of wol-server lets out in its time: name at most %d targets, or raise --max-pps", fits)
	}
	return nil, &wol.Error{Kind: wol.RateLimited, RetryAfter: wait - allowed, Message: message}
}

// promised is the sum of what is promised. This, span and fits are for whoever holds mu.
func (b *Budget) promised() (packets int) {
	for _, p := range b.promises {
		packets += p.unpaid
	}
	return packets
}

// span is how long it takes from now until so many more packets have left.
func (b *Budget) span(packets int) time.Duration {
	short := float64(packets) - b.tokens.Tokens()
	return time.Duration(max(0, short) / float64(b.perSecond) * float64(time.Second))
}

// fits says whether so many packets may go first without a promise being broken.
func (b *Budget) fits(packets int, now time.Time) bool {
	for _, p := range b.promises {
		packets += p.unpaid
		if b.span(packets) > p.until.Sub(now) {
			return false
		}
	}
	return true
}

// settle ends a promise, be it kept or not.
func (b *Budget) settle(p *promise) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.promises = slices.DeleteFunc(b.promises, func(one *promise) bool { return one == p })
	b.tell()
}

// tell wakes the copies that wait.
func (b *Budget) tell() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// portions passes a call on, each portion once its packets are paid for.
func (b *Budget) portions(ctx context.Context, next wol.Waker, req wol.Request, each int, p *promise) ([]wol.Receipt, error) {
	select {
	case b.large <- struct{}{}:
		defer func() { <-b.large }()
	case <-ctx.Done():
		return nil, tooLate(ctx.Err())
	}
	size := max(1, b.perSecond/10/each)
	targets := req.Targets
	receipts := make([]wol.Receipt, 0, len(targets))
	for len(receipts) < len(targets) {
		n := min(size, len(targets)-len(receipts))
		req.Targets = targets[len(receipts):][:n]
		part, err := b.portion(ctx, next, req, each*n, p)
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

func (b *Budget) portion(ctx context.Context, next wol.Waker, req wol.Request, packets int, p *promise) ([]wol.Receipt, error) {
	for packets > 0 {
		n := min(packets, b.perSecond)
		b.mu.Lock()
		now := time.Now()
		r := b.tokens.ReserveN(now, n)
		p.unpaid -= n
		b.tell()
		b.mu.Unlock()
		if err := await(ctx, r, r.DelayFrom(now)); err != nil {
			return nil, err
		}
		packets -= n
	}
	return next.Wake(ctx, req)
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
