package policy_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/broadcast"
	"wolgate/internal/policy"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// recorder is a Waker that remembers what it was asked for and when.
type recorder struct {
	calls [][]wol.MAC
	at    []time.Time
	fail  error // of the second and later calls
}

func (r *recorder) Wake(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
	if len(r.calls) > 0 && r.fail != nil {
		return nil, r.fail
	}
	var macs []wol.MAC
	for _, target := range req.Targets {
		macs = append(macs, target.MAC)
	}
	r.calls, r.at = append(r.calls, macs), append(r.at, time.Now())
	return woltest.Receipts(req), nil
}

func request(ns ...int) wol.Request {
	var req wol.Request
	for _, n := range ns {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n)})
	}
	return req
}

func macs(receipts []wol.Receipt) []wol.MAC {
	var out []wol.MAC
	for _, r := range receipts {
		out = append(out, r.MAC)
	}
	return out
}

func flat(cost int) func(wol.Request) int { return func(wol.Request) int { return cost } }

func TestDecoratorsAreWakers(t *testing.T) {
	t.Parallel()
	list := policy.AllowList{}
	for n := range 100 {
		list[woltest.MAC(n)] = struct{}{}
	}
	woltest.Suite(t, func(t *testing.T, destination netip.AddrPort) wol.Waker {
		sender := broadcast.New(broadcast.Config{Destinations: []netip.AddrPort{destination}, Repeat: 1}, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { _ = sender.Close(0) })
		return policy.Distinct(policy.Allow(policy.NewBudget(1000).Guard(sender, flat(1)), func() policy.AllowList { return list }))
	})
}

func TestDistinctSendsDuplicatesOnce(t *testing.T) {
	t.Parallel()
	var r recorder
	secret, err := wol.ParseSecureOn("c0a80107")
	if err != nil {
		t.Fatal(err)
	}
	req := request(1, 2, 1, 3, 2)
	req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(1), SecureOn: secret}) // other bytes: not a duplicate
	got, err := policy.Distinct(&r).Wake(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	m := woltest.MAC
	if diff := cmp.Diff([][]wol.MAC{{m(1), m(2), m(3), m(1)}}, r.calls); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]wol.MAC{m(1), m(2), m(1), m(3), m(2), m(1)}, macs(got)); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
}

func TestAllowRefusesTheWholeCall(t *testing.T) {
	t.Parallel()
	list, err := policy.ParseAllowList([]byte("# desktops\n" + woltest.MAC(1).String() + " # mine\n\n  02-00-00-00-00-02\n"))
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	w := policy.Allow(&r, func() policy.AllowList { return list })
	if _, err := w.Wake(t.Context(), request(1, 2)); err != nil {
		t.Errorf("allowed targets: %v", err)
	}
	if _, err := w.Wake(t.Context(), request(1, 3)); err == nil || wol.KindOf(err) != wol.Forbidden {
		t.Errorf("got %v, want kind forbidden", err)
	}
	if len(r.calls) != 1 {
		t.Errorf("%d calls went through, want 1", len(r.calls))
	}
}

func TestParseAllowListTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"byte order mark": "\ufeffaa:bb:cc:dd:ee:ff\n",
		"Windows lines":   "# mine\r\naa:bb:cc:dd:ee:ff\r\n",
		"a long comment":  "# " + strings.Repeat("x", 100_000) + "\naa:bb:cc:dd:ee:ff",
	} {
		list, err := policy.ParseAllowList([]byte(text))
		if _, ok := list[wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}]; err != nil || !ok || len(list) != 1 {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

func TestParseAllowListRefuses(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                      "no MAC address",
		"# nobody\n":                            "no MAC address",
		"02:00:00:00:00:01\nnonsense\n":         "line 2",
		"ff:ff:ff:ff:ff:ff\n":                   "line 1",
		"02:00:00:00:00:01 02:00:00:00:00:02\n": "line 1",
		"\n\n02:00:00:00:00:01\n\n02:00:00:00:00": "line 5",
		strings.Repeat("x", 1<<20):                "line 1",
	} {
		if list, err := policy.ParseAllowList([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, %v; want an error saying %q", text, list, err, says)
		}
	}
}

func TestBudgetRefusesPastItsPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := policy.NewBudget(60).Guard(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			return woltest.Receipts(req), nil
		}), flat(6))
		var sent, refused atomic.Int32
		var wg sync.WaitGroup
		for n := range 50 { // 10 fit into the burst, 10 more into a second of waiting
			wg.Go(func() {
				_, err := w.Wake(t.Context(), request(n))
				if err == nil {
					sent.Add(1)
					return
				}
				if e, ok := errors.AsType[*wol.Error](err); !ok || e.Kind != wol.RateLimited || e.RetryAfter <= 0 {
					t.Errorf("%v, want kind rate_limited with RetryAfter", err)
				}
				refused.Add(1)
			})
		}
		wg.Wait() // on the bubble's clock
		if sent.Load() < 19 || sent.Load() > 21 || sent.Load()+refused.Load() != 50 {
			t.Errorf("%d sent and %d refused, want 20 and 30", sent.Load(), refused.Load())
		}
	})
}

func TestBudgetLetsOthersInBetween(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := policy.NewBudget(100).Guard(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			return woltest.Receipts(req), nil
		}), flat(2))
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

func TestBudgetPacesALargeCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		w := policy.NewBudget(100).Guard(&r, flat(6))
		var ns []int
		for n := range 50 { // 300 packets: one second's worth at once, two seconds for the rest
			ns = append(ns, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		got, err := w.Wake(ctx, request(ns...))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("took %v, want about 2s", took)
		}
		if diff := cmp.Diff(macs(got), func() []wol.MAC {
			var all []wol.MAC
			for _, call := range r.calls {
				all = append(all, call...)
			}
			return all
		}()); diff != "" || len(got) != 50 {
			t.Errorf("%d receipts (-receipts +asked):\n%s", len(got), diff)
		}
		for i, at := range r.at {
			packets := 0
			for _, call := range r.calls[:i+1] {
				packets += 6 * len(call)
			}
			if allowed := 100 + 100*at.Sub(start).Seconds(); float64(packets) > allowed+1 {
				t.Errorf("%d packets after %v, %.0f allowed", packets, at.Sub(start), allowed)
			}
		}
	})
}

func TestBudgetRefusesWhatCannotEndInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		w := policy.NewBudget(10).Guard(&r, flat(10))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := w.Wake(ctx, request(1, 2, 3, 4, 5))
		e, _ := errors.AsType[*wol.Error](err)
		if e == nil || e.Kind != wol.RateLimited || e.RetryAfter <= 0 || !strings.Contains(e.Message, "at most 2 targets") || len(r.calls) != 0 {
			t.Errorf("got %v after %d calls, want kind rate_limited, RetryAfter, and none", err, len(r.calls))
		}
	})
}

// TestBudgetKeepsItsPromiseBesideCopies has copies fall due all the time while a
// large call is under way: it ends when it was promised to, and the copies after it.
func TestBudgetKeepsItsPromiseBesideCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := policy.NewBudget(100)
		var r recorder
		w := budget.Guard(&r, flat(8))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		var paid time.Duration
		var copies sync.WaitGroup
		copies.Go(func() {
			time.Sleep(300 * time.Millisecond)
			if err := budget.PayLast(t.Context(), 400); err != nil {
				t.Error(err)
			}
			paid = time.Since(start)
		})
		got, err := w.Wake(ctx, request(make([]int, 50)...)) // 400 packets, three seconds
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 4600*time.Millisecond {
			t.Errorf("the call took %v, want 4.5s at most", took)
		}
		for i, receipt := range got {
			if !receipt.OK {
				t.Fatalf("receipt %d: %+v", i, receipt)
			}
		}
		copies.Wait()
		if paid < 6900*time.Millisecond || paid > 7100*time.Millisecond {
			t.Errorf("the copies were paid for after %v, want 7s", paid)
		}
	})
}

// TestSmallCallsBreakNoPromise has more small calls than there is budget beside a large
// one with little time to spare: those that would make it late are told to wait.
func TestSmallCallsBreakNoPromise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := policy.NewBudget(100).Guard(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			return woltest.Receipts(req), nil
		}), flat(4))
		var sent, refused atomic.Int32
		var small sync.WaitGroup
		large, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		done := make(chan []wol.Receipt)
		go func() {
			receipts, err := w.Wake(large, request(make([]int, 100)...)) // 400 packets, 3 s of 3.6
			if err != nil {
				t.Error(err)
			}
			done <- receipts
		}()
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			for range 5 {
				small.Go(func() {
					_, err := w.Wake(t.Context(), request(1))
					switch e, _ := errors.AsType[*wol.Error](err); {
					case err == nil:
						sent.Add(1)
					case e != nil && e.Kind == wol.RateLimited && e.RetryAfter > 0:
						refused.Add(1)
					default:
						t.Errorf("%v, want kind rate_limited with RetryAfter", err)
					}
				})
			}
		}
		for i, receipt := range <-done {
			if !receipt.OK {
				t.Fatalf("receipt %d of the large call: %+v", i, receipt)
			}
		}
		small.Wait()
		if sent.Load() < 5 || refused.Load() == 0 {
			t.Errorf("%d small calls sent and %d refused: both should have happened", sent.Load(), refused.Load())
		}
	})
}

// TestCopiesAreNotStarved keeps large calls coming all the time: what waits in PayLast
// gets its turn between them.
func TestCopiesAreNotStarved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := policy.NewBudget(100)
		w := budget.Guard(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			return woltest.Receipts(req), nil
		}), flat(4))
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() {
				for ctx.Err() == nil {
					call, cancel := context.WithTimeout(ctx, 5*time.Second)
					_, err := w.Wake(call, request(make([]int, 40)...)) // 160 packets
					cancel()
					if e, ok := errors.AsType[*wol.Error](err); ok && e.RetryAfter > 0 {
						time.Sleep(e.RetryAfter)
					}
				}
			})
		}
		time.Sleep(10 * time.Second)
		for range 5 {
			start := time.Now()
			if err := budget.PayLast(ctx, 160); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("a copy waited %v beside calls of 5 s", took)
			}
		}
		stop()
		clients.Wait()
	})
}

// TestPromisesCountTogether refuses a call that would fit alone.
func TestPromisesCountTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		w := policy.NewBudget(100).Guard(&r, flat(8))
		first := make(chan error)
		go func() {
			_, err := w.Wake(t.Context(), request(make([]int, 50)...))
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := w.Wake(ctx, request(make([]int, 50)...)) // 3 s behind 3 s, and 4.5 to wait
		if e, _ := errors.AsType[*wol.Error](err); e == nil || e.Kind != wol.RateLimited || e.RetryAfter < 2*time.Second {
			t.Errorf("%v, want kind rate_limited and RetryAfter of some seconds", err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// TestLargeCallsTakeTurns admits a second large call, with all the time in the world,
// while the first is under way: the first ends as if it were alone.
func TestLargeCallsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		w := policy.NewBudget(100).Guard(&r, flat(8))
		start := time.Now()
		var calls sync.WaitGroup
		for _, call := range []struct {
			begins, allowed, ends time.Duration
			targets               int
		}{
			{0, 3500 * time.Millisecond, 3 * time.Second, 50},
			{50 * time.Millisecond, time.Minute, 7 * time.Second, 50},
			{100 * time.Millisecond, time.Minute, 11 * time.Second, 50},
		} {
			calls.Go(func() {
				time.Sleep(call.begins)
				ctx, cancel := context.WithTimeout(t.Context(), call.allowed)
				defer cancel()
				got, err := w.Wake(ctx, request(make([]int, call.targets)...))
				if err != nil {
					t.Error(err)
				}
				for i, receipt := range got {
					if !receipt.OK {
						t.Errorf("receipt %d of the call that began after %v: %+v", i, call.begins, receipt)
						break
					}
				}
				if took := time.Since(start); took > call.ends+100*time.Millisecond {
					t.Errorf("the call that began after %v ended after %v, want %v", call.begins, took, call.ends)
				}
			})
		}
		calls.Wait()
	})
}

func TestBudgetTellsWhatALargeCallDidNotSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
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
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		if _, err := policy.NewBudget(2).Guard(&r, flat(6)).Wake(t.Context(), request(1)); err != nil || len(r.calls) != 1 {
			t.Errorf("%v after %d calls", err, len(r.calls))
		}
	})
}
