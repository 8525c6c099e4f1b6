package e2e

import (
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

func TestNextRequestAfterAKilledDaemonIsAnswered(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))
	for range 3 {
		for range 10 {
			p.wake(t, someMAC).receipt(t)
			r.Next(t)
		}
		p.daemon.signal(syscall.SIGKILL)
		p.daemon.exit(t)
		if a := p.wake(t, someMAC); a.problem(t).Code != wol.Unavailable {
			t.Errorf("with the daemon killed: status %d", a.status)
		}
		p.startDaemon(t)
		p.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	r.Nothing(t)
}

// TestRestartsUnderLoad kills the daemon a hundred times while requests run.
// Each request is for a target of its own, so that afterwards every 200 can be
// asked for its packet.
func TestRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	const restarts, clients = 100, 4
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))

	var mu sync.Mutex
	acknowledged := map[string]bool{}
	statuses := map[int]int{}
	arrived := map[string]bool{}

	var next atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range clients {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond): // about a thousand a second between them
				}
				target := wol.Target{MAC: woltest.MAC(int(next.Add(1)))}
				a, err := p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+target.MAC.String(), "")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				statuses[a.status]++
				if a.status == http.StatusOK {
					acknowledged[string(woltest.Packet(t, target))] = true
				}
				mu.Unlock()
			}
		})
	}
	received := make(chan struct{})
	go func() {
		defer close(received)
		for {
			packet, ok := r.Wait(time.Second)
			if ok {
				arrived[string(packet)] = true
				continue
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for range restarts {
		p.daemon.signal(syscall.SIGKILL)
		p.daemon.exit(t)
		p.startDaemon(t)
		deadline := time.Now().Add(woltest.Patience)
		mu.Lock()
		before := statuses[http.StatusOK]
		mu.Unlock()
		for now := before; now < before+30; { // the load gets through again
			time.Sleep(time.Millisecond)
			mu.Lock()
			now = statuses[http.StatusOK]
			mu.Unlock()
			if time.Now().After(deadline) {
				t.Fatal("no request was answered after a restart")
			}
		}
	}
	close(stop)
	load.Wait()
	<-received

	lost := 0
	for packet := range acknowledged {
		if !arrived[packet] {
			lost++
		}
	}
	t.Logf("%d restarts, answers by status %v, packets %d", restarts, statuses, len(arrived))
	if lost > 0 {
		t.Errorf("%d of %d acknowledged wakes never sent a packet", lost, len(acknowledged))
	}
	for status := range statuses {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("%d answers with status %d", statuses[status], status)
		}
	}
}
