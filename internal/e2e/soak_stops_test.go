//go:build soak

package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestSoakStops stops the daemon (SIGSTOP) for longer than calls last, again and again,
// while wakes go on. They are answered 504 in time; as soon as it goes on, so do they; and
// what was given up meanwhile is not sent then.
func TestSoakStops(t *testing.T) {
	const stops, perSecond = 5, 100
	const timeout, tolerance = 2 * time.Second, 300 * time.Millisecond
	const transit = 50 * time.Millisecond // from the daemon to the clock of this test
	const stopped, normalIn, between = 5 * time.Second, time.Second, 4 * time.Second
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--timeout", timeout.String())
	p.daemon.log.mute(true)
	p.gateway.log.mute(true)
	packets := watch(t, r)
	outcomes, stop := make(chan []outcome), make(chan struct{})
	go func() { outcomes <- p.wakeSteadily(stop, perSecond, 1) }()
	type span struct{ from, to time.Time }
	var spans []span
	for range stops {
		time.Sleep(between) // of a good load
		from := time.Now()
		p.daemon.signal(syscall.SIGSTOP)
		time.Sleep(stopped)
		to := time.Now()
		p.daemon.signal(syscall.SIGCONT)
		spans = append(spans, span{from, to})
	}
	time.Sleep(between)
	close(stop)
	all := <-outcomes
	arrivals := packets()
	p.daemon.mustLive(t)
	p.gateway.mustLive(t)

	inStop := func(o outcome) bool { // or so soon after it that the daemon is still busy with the past
		for _, s := range spans {
			if o.ended.After(s.from) && o.begun.Before(s.to.Add(normalIn)) {
				return true
			}
		}
		return false
	}
	byTarget, statuses, outside := map[wol.MAC]outcome{}, map[int]int{}, 0
	var shortest, longest, slowest time.Duration
	for _, o := range all {
		byTarget[o.target] = o
		statuses[o.status]++
		took := o.ended.Sub(o.begun)
		switch {
		case o.status == http.StatusGatewayTimeout:
			if shortest == 0 || took < shortest {
				shortest = took
			}
			longest = max(longest, took)
			if took < timeout-tolerance || took > timeout+tolerance {
				t.Errorf("504 not in time: %v", o)
			}
			if !inStop(o) {
				t.Errorf("504 while the daemon ran: %v", o)
			}
		case o.status != http.StatusOK:
			t.Errorf("neither 200 nor 504: %v", o)
		case !inStop(o):
			outside++
			slowest = max(slowest, o.late())
			if o.late() > normalIn {
				t.Errorf("late while the daemon ran: %v", o)
			}
		}
	}
	t.Logf("%d wakes, by status %v; 504 after %v to %v; %d answers 200 beyond %v after a stop, the slowest after %v", len(all), statuses,
		shortest.Round(time.Millisecond), longest.Round(time.Millisecond), outside, normalIn, slowest.Round(time.Millisecond))
	if statuses[http.StatusGatewayTimeout] == 0 {
		t.Error("nothing was answered 504: that was no stop")
	}

	seen := map[wol.MAC]bool{}
	var latest time.Duration
	for _, a := range arrivals {
		seen[a.target] = true
		o, asked := byTarget[a.target]
		after := a.at.Sub(o.begun)
		latest = max(latest, after)
		if !asked || o.status != http.StatusOK && after > timeout+transit {
			t.Errorf("a stale packet, %v after it was asked for: %v", after, o)
		}
	}
	missing := 0
	for _, o := range all {
		if o.status == http.StatusOK && !seen[o.target] {
			missing++
		}
	}
	t.Logf("%d packets, the latest %v after it was asked for; %d answers 200 without one", len(arrivals), latest.Round(time.Millisecond), missing)
	if missing > 0 {
		t.Errorf("%d answers 200, and no packet left", missing)
	}
}
