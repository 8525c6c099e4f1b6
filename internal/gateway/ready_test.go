package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestReadyzAsksOnceForAll has many callers while the daemon takes its time.
func TestReadyzAsksOnceForAll(t *testing.T) {
	t.Parallel()
	var pings atomic.Int32
	d := open(t, func(o *Options) {
		o.Ready = func(context.Context, string) error {
			pings.Add(1)
			time.Sleep(200 * time.Millisecond) // the daemon's
			return nil
		}
	})
	began := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a := d.call(t, http.MethodGet, "/readyz", ""); a.StatusCode != http.StatusOK {
				t.Errorf("status %d", a.StatusCode)
			}
		})
	}
	wg.Wait()
	if n, most := pings.Load(), 1+int32(time.Since(began)/readyEvery); n > most {
		t.Errorf("%d pings, want at most %d", n, most)
	}
}

func TestReadyzAsksAgainAfterASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		asked, down := 0, errors.New("down")
		answer := down
		ask := func() error { asked++; return answer }
		for range 5 {
			if err := p.feel(ask); !errors.Is(err, down) {
				t.Error(err)
			}
		}
		answer = nil
		time.Sleep(readyEvery)
		if err := p.feel(ask); err != nil || asked != 2 {
			t.Errorf("after a second: %v, asked %d times", err, asked)
		}
	})
}
