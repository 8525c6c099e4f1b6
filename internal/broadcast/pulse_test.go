package broadcast

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPulseNoticesAStop moves the latest beat back, as if the process had been stopped
// since then; e2e stops a real one.
func TestPulseNoticesAStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		p.start()
		defer p.rest()
		due := time.Now()
		time.Sleep(10*time.Second + pulseEvery/2) // between two beats
		if p.missed(due) {
			t.Error("a stop was seen where there was none")
		}
		due = time.Now()
		p.mu.Lock()
		p.last = p.last.Add(-pulseLost - pulseEvery)
		p.mu.Unlock()
		time.Sleep(time.Millisecond)
		if !p.missed(due) {
			t.Error("a stop was not seen")
		}
		if p.missed(time.Now()) {
			t.Error("what falls due after the stop was missed")
		}
		time.Sleep(10*time.Second + pulseEvery/2) // between two beats
		if !p.missed(due) || p.missed(time.Now()) {
			t.Error("the stop was forgotten")
		}
	})
}
