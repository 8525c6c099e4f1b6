package metrics

import (
	"context"
	"errors"
	"time"

	"wolgate/internal/wol"
)

// Wakes counts what next does. It must stand behind policy.Distinct, which names each
// target once.
func (m *Metrics) Wakes(next wol.Waker) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		start := time.Now()
		receipts, err := next.Wake(ctx, req)
		if err != nil {
			m.failed(len(req.Targets), err)
			return receipts, err
		}
		if len(receipts) == 1 { // the packet budget paces a call for many
			m.first.Observe(time.Since(start).Seconds())
			m.wakes[receipts[0].Status].Inc()
			m.packets.count(receipts[0].Sent, receipts[0].Failed, 1)
			return receipts, nil
		}
		for i := range receipts {
			m.wakes[receipts[i].Status].Inc()
			m.packets.count(receipts[i].Sent, nil, 1)
		}
		for failed, alike := range wol.FailedAlike(receipts) {
			m.packets.count(nil, failed, alike)
		}
		return receipts, nil
	})
}

// failed counts a call of which no packet is known to have left. It failed alike for
// every target.
func (m *Metrics) failed(targets int, err error) {
	m.wakes[wol.OutcomeOf(err)].Add(float64(targets))
	if wol.KindOf(err) == wol.RateLimited {
		m.limited[limitDaemon].Inc()
	}
	if e, ok := errors.AsType[*wol.Error](err); ok {
		m.packets.count(nil, e.Failed, targets)
	}
}
