package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// PayCopies waits until that many packets of later copies may leave, after the bulk
// calls that came before them. The error means that ctx has ended.
func (b *Budget) PayCopies(ctx context.Context, packets int) error {
	b.queued.Add(int64(packets))
	if err := b.takeTurn(ctx); err != nil {
		b.queued.Add(int64(-packets))
		return err
	}
	defer b.endTurn()
	return b.payQueued(ctx, packets)
}

// bulk passes a large call on in portions, each once its packets are paid for.
func (b *Budget) bulk(ctx context.Context, next wol.Waker, req wol.Request, each int) ([]wol.Receipt, error) {
	all := req.Targets
	unpaid := each * len(all)
	if err := b.admit(ctx, each, unpaid); err != nil {
		return nil, err
	}
	defer func() { b.queued.Add(int64(-unpaid)) }()
	if err := b.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer b.endTurn()
	receipts := make([]wol.Receipt, 0, len(all))
	for targets := range slices.Chunk(all, max(1, b.chunk/each)) {
		var sent []wol.Receipt
		unpaid -= each * len(targets)
		err := b.payQueued(ctx, each*len(targets))
		if err == nil {
			req.Targets = targets
			sent, err = next.Wake(ctx, req)
		}
		switch {
		case err == nil:
			receipts = append(receipts, sent...)
		case len(receipts) == 0:
			return nil, err
		default: // something has left already: the receipts of the rest say that they have not, and why
			for _, target := range all[len(receipts):] {
				receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, nil, failures(err)))
			}
			return receipts, nil
		}
	}
	return receipts, nil
}

// admit queues a bulk call that can end in time after what is queued already, and
// refuses any other.
func (b *Budget) admit(ctx context.Context, each, total int) error {
	now := time.Now()
	allowed := timeLeft(ctx, now)
	perSecond := float64(b.tokens.Limit())
	missing := max(0, float64(b.queued.Add(int64(total)))-b.tokens.TokensAt(now))
	wait := time.Duration(missing / perSecond * float64(time.Second))
	if wait <= allowed {
		return nil
	}
	b.queued.Add(int64(-total))
	most := perSecond * (1 + allowed.Seconds())
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

// takeTurn waits for the turn of a bulk call or a job of copies. Goroutines that wait to
// send on a channel do so in order of arrival.
func (b *Budget) takeTurn(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return tooLate(ctx.Err())
	}
}

func (b *Budget) endTurn() { <-b.turn }

// payQueued takes packets from the queue and waits until they may leave.
func (b *Budget) payQueued(ctx context.Context, packets int) error {
	for packets > 0 {
		n := min(packets, b.chunk)
		b.queued.Add(int64(-n))
		packets -= n
		err := b.tokens.WaitN(ctx, n)
		if err == nil {
			err = wol.Ended(ctx)
		}
		if err != nil {
			b.queued.Add(int64(-packets))
			return tooLate(err)
		}
	}
	return nil
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
