package ratelimit

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// take takes n tokens and returns how many there were.
func take[K comparable](table *Table[K], key K, n int) int {
	served := 0
	for range n {
		if table.Take(key).OK {
			served++
		}
	}
	return served
}

func TestDecisionIsWhatTheHeadersNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		table := NewTable[string](Rate{PerSecond: 0.5, Burst: 3}, 4)
		for i, step := range []struct {
			sleep time.Duration
			want  Decision
		}{
			{0, Decision{OK: true, Limit: 3, Remaining: 2, Window: 6 * s, Reset: 2 * s}},
			{s, Decision{OK: true, Limit: 3, Remaining: 1, Window: 6 * s, Reset: s}},
			{0, Decision{OK: true, Limit: 3, Remaining: 0, Window: 6 * s, Reset: s}},
			{0, Decision{Limit: 3, Window: 6 * s, Reset: s, RetryAfter: s}},
			{s / 4, Decision{Limit: 3, Window: 6 * s, Reset: s * 3 / 4, RetryAfter: s * 3 / 4}},
			{s * 3 / 4, Decision{OK: true, Limit: 3, Remaining: 0, Window: 6 * s, Reset: 2 * s}},
			{60 * s, Decision{OK: true, Limit: 3, Remaining: 2, Window: 6 * s, Reset: 2 * s}},
		} {
			time.Sleep(step.sleep)
			if diff := cmp.Diff(step.want, table.Take("a")); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

// TestRetryAfterIsHonest waits as long as it is told, at rates that divide no
// second evenly: that is enough, and a nanosecond less is not.
func TestRetryAfterIsHonest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			rate := Rate{PerSecond: math.Exp(random.Float64()*20 - 10), Burst: 1 + random.IntN(30)}
			table := NewTable[int](rate, 3)
			for range 50 {
				time.Sleep(time.Duration(random.Float64() / rate.PerSecond * float64(time.Second)))
				d := table.Take(1)
				if d.OK {
					continue
				}
				if d.RetryAfter <= 0 || d.RetryAfter != d.Reset {
					t.Fatalf("%v: got %+v", rate, d)
				}
				time.Sleep(d.RetryAfter - 1)
				if early := table.Take(1); early.OK || early.RetryAfter != 1 {
					t.Fatalf("%v: got %+v a nanosecond before its time", rate, early)
				}
				time.Sleep(time.Nanosecond)
				if late := table.Take(1); !late.OK {
					t.Fatalf("%v: got %+v after waiting as long as Retry-After said", rate, late)
				}
			}
		}
	})
}

// TestRatesAtTheirEnds are the extremes that the settings allow, and one without a burst.
func TestRatesAtTheirEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for rate, want := range map[Rate]Decision{
			{1.0 / 3600, 1_000_000}: {OK: true, Limit: 1_000_000, Remaining: 999_999, Window: 1_000_000 * time.Hour, Reset: time.Hour},
			{1_000_000, 1_000_000}:  {OK: true, Limit: 1_000_000, Remaining: 999_999, Window: time.Second, Reset: time.Microsecond},
			{1, 0}:                  {OK: true, Limit: 1, Window: time.Second, Reset: time.Second},
		} {
			if diff := cmp.Diff(want, NewTable[string](rate, 0).Take("a")); diff != "" {
				t.Errorf("%v (-want +got):\n%s", rate, diff)
			}
		}
	})
}

// TestTheClockOnTheWallIsIrrelevant sets it by an hour, both ways.
func TestTheClockOnTheWallIsIrrelevant(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int64{-3600, 3600} {
		table := NewTable[string](Rate{PerSecond: 1e-3, Burst: 3}, 4)
		if got := take(table, "a", 2); got != 2 {
			t.Fatalf("got %d", got)
		}
		// Another wall clock reading and the same monotonic one, as if the clock had been
		// set since. Package time has no way to write this; the seconds stand above 30
		// bits of nanoseconds (time.Time in src/time/time.go).
		before := table.start.Unix()
		*(*uint64)(unsafe.Pointer(&table.start)) -= uint64(seconds) << 30
		if table.start.Unix() != before-seconds {
			t.Fatalf("the clock was not set by %d seconds", seconds)
		}
		if got := take(table, "a", 5); got != 1 {
			t.Errorf("by %d s: got %d tokens, want the one that was left", seconds, got)
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"::ffff:192.0.2.7":     "192.0.2.7/32",
		"::ffff:192.0.2.7%lo":  "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:3::":       "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"fe80::2%eth1":         "fe80::/64",
		"::1":                  "::/64",
	} {
		if got := Source(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
	if got := Source(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address: got %s", got)
	}
}

func TestOneNetworkIsOneBucket(t *testing.T) {
	t.Parallel()
	table := NewTable[netip.Prefix](Rate{PerSecond: 1e-6, Burst: 10}, 1024)
	addr := netip.MustParseAddr("2001:db8::").As16()
	served := 0
	for i := range 65_536 {
		addr[8], addr[15] = byte(i>>8), byte(i)
		served += take(table, Source(netip.AddrFrom16(addr)), 1)
	}
	if served != 10 || len(table.full) != 1 {
		t.Errorf("65,536 addresses of one /64 were served %d times, from %d buckets", served, len(table.full))
	}
	addr[7] = 1
	if got := take(table, Source(netip.AddrFrom16(addr)), 1); got != 1 {
		t.Error("the network beside it is refused as well")
	}
}

// TestALimitedSourceStaysLimited while others come, many more than the table holds,
// with one request each or with all but one of what makes them limited as well.
func TestALimitedSourceStaysLimited(t *testing.T) {
	t.Parallel()
	for _, each := range []int{1, 19} {
		synctest.Test(t, func(t *testing.T) {
			const size, burst = 256, 20
			table := NewTable[int](Rate{PerSecond: 1, Burst: burst}, size)
			take(table, 0, burst)
			served := 0
			for second := range 100 {
				for key := range 2 * size {
					if take(table, 1+second*2*size+key, each) != each {
						t.Fatal("a key is refused because the table is full")
					}
					if len(table.full) > size {
						t.Fatalf("%d buckets, want at most %d", len(table.full), size)
					}
				}
				time.Sleep(time.Second)
				served += take(table, 0, burst)
			}
			if served != 100 {
				t.Errorf("beside others with %d requests each, the limited key got %d tokens in 100 s, want 100", each, served)
			}
		})
	}
}

// TestAgainstAPlainModel compares with buckets of tokens, at random times.
func TestAgainstAPlainModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const keys, perSecond, burst = 50, 2, 9
		table := NewTable[int](Rate{PerSecond: perSecond, Burst: burst}, keys)
		tokens, last := [keys]float64{}, [keys]time.Time{}
		for key := range keys {
			tokens[key], last[key] = burst, time.Now()
		}
		random := rand.New(rand.NewPCG(5, 6))
		for range 20_000 {
			// A multiple of 1/64 s, so that the model's floating point is exact.
			time.Sleep(time.Duration(math.Exp(random.Float64()*8)) * time.Second / 64)
			for range random.IntN(2 * burst) {
				key := random.IntN(keys)
				tokens[key] = min(burst, tokens[key]+perSecond*time.Since(last[key]).Seconds())
				last[key] = time.Now()
				want := tokens[key] >= 1
				if want {
					tokens[key]--
				}
				d := table.Take(key)
				if d.OK != want || d.Remaining != int(tokens[key]) {
					t.Fatalf("got %+v, the model has %v tokens left", d, tokens[key])
				}
			}
		}
	})
}

// TestMemoryIsBounded is not parallel: it measures the heap of the process.
func TestMemoryIsBounded(t *testing.T) {
	const size, most = 65_536, 3 << 20
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	table := NewTable[netip.Prefix](Rate{PerSecond: 1e-3, Burst: 20}, size)
	addr := netip.MustParseAddr("2001:db8::").As16()
	peak := 0
	for i := range 1_000_000 {
		addr[4], addr[5], addr[6], addr[7] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		if !table.Take(Source(netip.AddrFrom16(addr))).OK {
			t.Fatal("a new source is refused")
		}
		if n := len(table.full); n > size {
			t.Fatalf("the table holds %d keys, want %d", n, size)
		} else if n == size {
			peak = max(peak, heap()-before)
		}
	}
	t.Logf("%.1f MiB, %d bytes for each of %d", float64(peak)/(1<<20), peak/size, size)
	if peak > most {
		t.Errorf("the table takes %d bytes, want at most %d", peak, most)
	}
	runtime.KeepAlive(table)
}

func TestManyAtATime(t *testing.T) {
	t.Parallel()
	const burst, workers = 100, 16
	table := NewTable[int](Rate{PerSecond: 1e-6, Burst: burst}, 64)
	var served atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for i := range burst {
				served.Add(int64(take(table, 0, 1)))
				table.Take(1 + worker*burst + i) // others come and go
			}
		})
	}
	wait.Wait()
	if n := served.Load(); n != burst {
		t.Errorf("the key was served %d times at once, want %d", n, burst)
	}
}

// BenchmarkTake has every key new, which is the dearest case.
func BenchmarkTake(b *testing.B) {
	table := NewTable[int](Rate{PerSecond: 1, Burst: 20}, 1<<16)
	for i := 0; b.Loop(); i++ {
		table.Take(i)
	}
}
