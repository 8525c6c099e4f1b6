package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"wolgate/internal/wol"
)

// Wakes writes to log what became of each target that next is asked to wake, a line
// each, and an Event where next refuses the request. It must stand behind
// policy.Distinct, which names each target once.
func Wakes(next wol.Waker, log *Log) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		receipts, err := next.Wake(ctx, req)
		if err != nil {
			for _, target := range req.Targets {
				log.wake(req, target.MAC, wol.OutcomeOf(err), string(wol.KindOf(err)), 0)
			}
			log.refused(req, err)
			return receipts, err
		}
		for _, r := range receipts {
			log.wake(req, r.MAC, r.Status, "", len(r.Sent))
		}
		return receipts, nil
	})
}

// wake records what left for one target: packets of the first copy, one for each
// destination. Wakes are never summed up: the rate of a key bounds them, and the packet
// budget those that left.
func (l *Log) wake(req wol.Request, target wol.MAC, outcome wol.Outcome, code string, packets int) {
	level := slog.LevelWarn
	if outcome == wol.Sent {
		level = slog.LevelInfo
	}
	attrs := append(common(req.ID, req.By), slog.String("target", target.String()), slog.String("outcome", string(outcome)))
	attrs = append(text(attrs, "code", code, maxWord), slog.Int("packets", packets))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(time.Now(), level, "wake", attrs...)
}

// refused records the event of a request that was refused behind us.
func (l *Log) refused(req wol.Request, err error) {
	var name Name
	switch wol.KindOf(err) {
	case wol.Forbidden:
		name = AuthzFail
	case wol.RateLimited:
		name = RateLimitExceeded
	case wol.Invalid:
		name = InputFail
	default: // a fault, not a refusal
		return
	}
	event := Event{Name: name, RequestID: req.ID, By: req.By}
	if e, ok := errors.AsType[*wol.Error](err); ok {
		event.Detail = e.Message
	}
	l.Event(event)
}
