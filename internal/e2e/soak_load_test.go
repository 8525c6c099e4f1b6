//go:build soak

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// outcome is what became of one wake of a steady load.
type outcome struct {
	target            wol.MAC
	due, begun, ended time.Time
	status            int   // 0 where there was no whole answer
	err               error // why there was none
}

// late is the time from when a wake was due to its answer, its wait to begin included.
func (o outcome) late() time.Duration { return o.ended.Sub(o.due) }

func (o outcome) String() string {
	return fmt.Sprintf("%v: status %d after %v, due %v before it began (%v)", o.target, o.status,
		o.ended.Sub(o.begun).Round(time.Microsecond), o.begun.Sub(o.due).Round(time.Microsecond), o.err)
}

// wakeSteadily is an open loop. So many wakes a second begin by the clock, whether the
// ones before have been answered or not, on connections of their own that are kept, and
// each for a target of its own, from first on. It returns once stop is closed and all
// have ended.
func (c caller) wakeSteadily(stop <-chan struct{}, perSecond, first int) []outcome {
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: woltest.Patience}
	var mu sync.Mutex
	var all []outcome
	var wakes sync.WaitGroup
	defer wakes.Wait()
	began := time.Now()
	for n := 0; ; n++ {
		o := outcome{target: woltest.MAC(first + n), due: began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))}
		select {
		case <-stop:
			wakes.Wait()
			return all
		case <-time.After(time.Until(o.due)):
		}
		wakes.Go(func() {
			o.begun = time.Now()
			o.status, o.err = c.wakeOn(client, o.target)
			o.ended = time.Now()
			mu.Lock()
			defer mu.Unlock()
			all = append(all, o)
		})
	}
}

// wakeOn sends one wake. An answer counts when it is whole.
func (c caller) wakeOn(client *http.Client, target wol.MAC) (int, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.url+"/api/v1/wol/"+target.String(), nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}

// wakeFor is wakeSteadily for a time.
func (c caller) wakeFor(span time.Duration, perSecond int) []outcome {
	stop := make(chan struct{})
	time.AfterFunc(span, func() { close(stop) })
	return c.wakeSteadily(stop, perSecond, 1)
}

// judge fails the test for every wake that was not answered 200, and where the slowest
// hundredth was answered later than most.
func judge(t *testing.T, all []outcome, most time.Duration) {
	t.Helper()
	var late []time.Duration
	failed := 0
	for _, o := range all {
		late = append(late, o.late())
		if o.status == http.StatusOK {
			continue
		}
		if failed++; failed <= 10 {
			t.Errorf("a good wake failed: %v", o)
		}
	}
	slices.Sort(late)
	t.Logf("%d good wakes, %d failed: p50 %v, p99 %v, p99.9 %v, max %v", len(all), failed, quantile(late, .5), quantile(late, .99), quantile(late, .999), quantile(late, 1))
	if p99 := quantile(late, .99); p99 > most {
		t.Errorf("p99 of good wakes is %v, want %v at most", p99, most)
	}
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(10 * time.Microsecond)
}

// outside is how many descriptors of the gateway do not belong to its connections to
// the daemon, which are as many at the other end, and stay for a minute.
func (st *stack) outside(t *testing.T) int {
	t.Helper()
	return descriptors(t, st.gateway.pid()) - descriptors(t, st.daemon.pid())
}

// arrival is a packet of a target, and when it was seen.
type arrival struct {
	target wol.MAC
	at     time.Time
}

// watch takes every packet from the receiver until the function that it returns is
// called, which waits until no more come. What is no magic packet fails the test.
func watch(t *testing.T, r *woltest.Receiver) (collect func() []arrival) {
	stop, done := make(chan struct{}), make(chan []arrival)
	go func() {
		var all []arrival
		for {
			packet, ok := r.Wait(500 * time.Millisecond)
			if ok {
				var p magicpacket.Packet
				if err := p.UnmarshalBinary(packet); err != nil {
					t.Errorf("%v: %x", err, packet)
					continue
				}
				all = append(all, arrival{wol.MAC(p.Target), time.Now()})
				continue
			}
			select {
			case <-stop:
				done <- all
				return
			default:
			}
		}
	}()
	return func() []arrival {
		close(stop)
		return <-done
	}
}
