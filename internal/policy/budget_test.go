package policy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/policy"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// inBubble runs f on a clock of its own, on which waiting takes no time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// sends answers every call at once.
func sends() wol.Waker {
	return wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil })
}

// wakeWithin makes a call of so many targets with a deadline.
func wakeWithin(t *testing.T, w wol.Waker, allowed time.Duration, targets int) ([]wol.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), allowed)
	defer cancel()
	return w.Wake(ctx, request(make([]int, targets)...))
}

// waitTold returns how long a refused call is told to wait.
func waitTold(t *testing.T, err error) time.Duration {
	t.Helper()
	e, ok := errors.AsType[*wol.Error](err)
	if !ok || e.Kind != wol.RateLimited || e.RetryAfter <= 0 {
		t.Fatalf("%v, want kind rate_limited with RetryAfter", err)
	}
	return e.RetryAfter
}

func TestBudgetRefusesPastItsPatience(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := policy.NewBudget(60).Guard(sends(), flat(6))
		results := make(chan error, 50)
		for range 50 { // 10 fit into the burst, 10 more into a second of waiting
			go func() {
				_, err := w.Wake(t.Context(), request(1))
				results <- err
			}()
		}
		sent := 0
		for range 50 {
			if err := <-results; err != nil {
				waitTold(t, err)
			} else {
				sent++
			}
		}
		if sent < 19 || sent > 21 {
			t.Errorf("%d calls were sent, want 20", sent)
		}
	})
}

func TestSmallCallsGoBetweenLargeOnes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := policy.NewBudget(100).Guard(sends(), flat(2))
		large := make(chan error)
		go func() {
			_, err := w.Wake(t.Context(), request(make([]int, 500)...)) // ten seconds' worth
			large <- err
		}()
		synctest.Wait()
		for range 5 {
			time.Sleep(time.Second)
			start := time.Now()
			if _, err := w.Wake(t.Context(), request(1)); err != nil || time.Since(start) > 300*time.Millisecond {
				t.Errorf("a small call beside a large one: %v after %v", err, time.Since(start))
			}
		}
		if err := <-large; err != nil {
			t.Error(err)
		}
	})
}

// TestBudgetPacesALargeCall sends the largest call to six destinations with the default
// budget: one second's worth leaves at once, and four thousand packets take two seconds.
func TestBudgetPacesALargeCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const perSecond, destinations = 2000, 6
		var r recorder
		ns := make([]int, wol.MaxTargets)
		for n := range ns {
			ns[n] = n
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		got, err := policy.NewBudget(perSecond).Guard(&r, flat(destinations)).Wake(ctx, request(ns...))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("took %v, want about 2s", took)
		}
		var asked []wol.MAC
		for i, call := range r.calls {
			asked = append(asked, call...)
			if most := perSecond * (1 + r.at[i].Sub(start).Seconds()); float64(destinations*len(asked)) > most+1 {
				t.Errorf("%d packets after %v, %.0f allowed", destinations*len(asked), r.at[i].Sub(start), most)
			}
		}
		if diff := cmp.Diff(macs(got), asked); diff != "" || len(got) != wol.MaxTargets {
			t.Errorf("%d receipts (-receipts +asked):\n%s", len(got), diff)
		}
	})
}

// TestLargeCallsTakeTurns has calls and copies come while a large call is under way that
// has hardly more time than it needs: each ends as if nothing had come after it, and a
// call that could not end in time behind them is refused before anything is sent.
func TestLargeCallsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		budget := policy.NewBudget(100)
		w := budget.Guard(sends(), flat(8))
		wake := func(allowed time.Duration) func() error {
			return func() error {
				receipts, err := wakeWithin(t, w, allowed, 50) // 400 packets
				for _, receipt := range receipts {
					if !receipt.OK {
						return errors.New(receipt.Failed[0].Error)
					}
				}
				return err
			}
		}
		start := time.Now()
		var calls sync.WaitGroup
		for i, one := range []struct {
			pay  func() error
			ends time.Duration
		}{
			{wake(3500 * time.Millisecond), 3 * time.Second},
			{func() error { return budget.PayCopies(t.Context(), 400) }, 7 * time.Second},
			{wake(time.Minute), 11 * time.Second},
			{func() error { return budget.PayCopies(t.Context(), 400) }, 15 * time.Second},
		} {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				if err := one.pay(); err != nil {
					t.Errorf("number %d: %v", i+1, err)
				}
				if took := (time.Since(start) - one.ends).Abs(); took > 100*time.Millisecond {
					t.Errorf("number %d ended after %v, want %v", i+1, time.Since(start), one.ends)
				}
			})
		}
		time.Sleep(time.Second)
		_, err := wakeWithin(t, w, 5*time.Second, 50) // which would do if it were alone
		if wait := waitTold(t, err); wait < 12*time.Second {
			t.Errorf("told to wait for %v, which is too short", wait)
		}
		calls.Wait()
		if _, err := wakeWithin(t, w, 5*time.Second, 50); err != nil {
			t.Errorf("after the others: %v", err)
		}
	})
}

// TestACallThatEndsLeavesTheQueue gives up a call before its turn and one in the middle
// of it: neither counts against the next.
func TestACallThatEndsLeavesTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := policy.NewBudget(100).Guard(sends(), flat(8))
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() { _, _ = w.Wake(ctx, request(make([]int, 500)...)) })
		}
		time.Sleep(time.Second)
		cancel()
		calls.Wait()
		if _, err := wakeWithin(t, w, 5*time.Second, 50); err != nil {
			t.Error(err)
		}
	})
}

func TestBudgetRefusesWhatCannotEndInTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var r recorder
		_, err := wakeWithin(t, policy.NewBudget(10).Guard(&r, flat(10)), 2*time.Second, 5)
		if waitTold(t, err); !strings.Contains(err.Error(), "at most 2 targets") || len(r.calls) != 0 {
			t.Errorf("got %v after %d calls", err, len(r.calls))
		}
	})
}

func TestBudgetTellsWhatALargeCallDidNotSend(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := recorder{fail: &wol.Error{Kind: wol.Unavailable, Failed: []wol.Failure{{Interface: "eth0", Error: "cable out"}}}}
		got, err := policy.NewBudget(10).Guard(&r, flat(10)).Wake(t.Context(), request(1, 2, 3))
		if err != nil {
			t.Fatal(err)
		}
		var ok []bool
		for _, receipt := range got {
			ok = append(ok, receipt.OK)
			if !receipt.OK && (len(receipt.Failed) == 0 || receipt.Failed[0].Error != "cable out") {
				t.Errorf("no reason in %+v", receipt)
			}
		}
		if diff := cmp.Diff([]bool{true, false, false}, ok); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestBudgetServesATargetDearerThanItsBurst(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var r recorder
		if _, err := policy.NewBudget(2).Guard(&r, flat(6)).Wake(t.Context(), request(1)); err != nil || len(r.calls) != 1 {
			t.Errorf("%v after %d calls", err, len(r.calls))
		}
	})
}
