package e2e

import (
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestNoStaleWakesAfterAStop stops the daemon (SIGSTOP) for longer than calls last:
// they are answered 504 in time, and nothing that they asked for leaves afterwards,
// be it a call that waited for the budget, one that lay in the socket, or a copy.
func TestNoStaleWakesAfterAStop(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, []string{"--destinations", r.Addr().String(), "--repeat", "3", "--repeat-interval", "1s", "--max-pps", "10"})
	for range 5 { // leaves copies that fall due during the stop, and no token
		p.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	p.ask(t, http.MethodPost, "/api/v1/wol", `{"targets":[{"mac_addr":"02:00:00:00:00:01"},{"mac_addr":"02:00:00:00:00:02"},{"mac_addr":"02:00:00:00:00:03"},{"mac_addr":"02:00:00:00:00:04"},{"mac_addr":"02:00:00:00:00:05"}]}`)
	for range 5 {
		r.Next(t)
	}
	var calls sync.WaitGroup
	begun := make(chan struct{}, 20)
	answers := make(chan int, 20)
	for range 20 {
		calls.Go(func() {
			begun <- struct{}{}
			a, err := p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
			if err != nil {
				t.Error(err)
			}
			answers <- a.status
		})
	}
	for range 20 {
		<-begun
	}
	p.daemon.signal(syscall.SIGSTOP)
	began := time.Now()
	calls.Wait()
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("the answers took %v", took)
	}
	close(answers)
	byStatus := map[int]int{}
	for status := range answers {
		byStatus[status]++
	}
	if byStatus[http.StatusGatewayTimeout] == 0 {
		t.Errorf("answers by status %v, want some 504", byStatus)
	}
	early := 0 // what had left before the stop
	for {
		if _, ok := r.Wait(100 * time.Millisecond); !ok {
			break
		}
		early++
	}
	p.daemon.signal(syscall.SIGCONT)
	if packet, ok := r.Wait(2 * time.Second); ok {
		t.Errorf("a stale packet of %d bytes left after the stop", len(packet))
	}
	if early > byStatus[http.StatusOK]+2*10 {
		t.Errorf("%d packets before the stop, answers %v", early, byStatus)
	}
	a := p.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	if got := a.receipt(t); got.Status != wol.Sent {
		t.Errorf("receipt %+v", got)
	}
	r.Next(t)
}
