package ratelimit_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/ratelimit"
)

// take takes n tokens and returns how many there were.
func take[K comparable](table *ratelimit.Table[K], key K, n int) int {
	served := 0
	for range n {
		if table.Take(key).OK {
			served++
		}
	}
	return served
}

func TestBurstAndRate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rate     ratelimit.Rate
		interval time.Duration
	}{
		"a second":       {ratelimit.Rate{PerSecond: 1, Burst: 20}, time.Second},
		"ten a minute":   {ratelimit.Rate{PerSecond: 10.0 / 60, Burst: 10}, 6 * time.Second},
		"a thousand":     {ratelimit.Rate{PerSecond: 1000, Burst: 1}, time.Millisecond},
		"no burst":       {ratelimit.Rate{PerSecond: 10}, 100 * time.Millisecond},
		"a year's token": {ratelimit.Rate{PerSecond: 1.0 / (365 * 86400), Burst: 3}, 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				burst := max(1, tt.rate.Burst)
				table := ratelimit.NewTable[string](tt.rate, 4)
				if got := take(table, "a", burst+5); got != burst {
					t.Fatalf("got a burst of %d, want %d", got, burst)
				}
				if got := take(table, "b", 1); got != 1 {
					t.Error("one key uses up what is another's")
				}
				for range 3 * burst { // not one token early, not one late
					time.Sleep(tt.interval - 1)
					if table.Take("a").OK {
						t.Fatal("a token came early")
					}
					time.Sleep(time.Nanosecond)
					if got := take(table, "a", 2); got != 1 {
						t.Fatalf("got %d tokens after %s, want 1", got, tt.interval)
					}
				}
				time.Sleep(2 * tt.interval * time.Duration(burst))
				if got := take(table, "a", burst+5); got != burst {
					t.Errorf("got a burst of %d after a long time, want %d", got, burst)
				}
			})
		})
	}
}

// TestRateOverTime asks at random times for a day: never more is served than the
// burst and what came in since.
func TestRateOverTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond, burst = 3, 7
		table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: perSecond, Burst: burst}, 1)
		random := rand.New(rand.NewPCG(1, 2))
		start, served := time.Now(), 0.0
		for time.Since(start) < 24*time.Hour {
			time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second))))
			served += float64(take(table, 1, random.IntN(20)))
			if most := burst + perSecond*time.Since(start).Seconds()*(1+1e-9); served > most {
				t.Fatalf("served %v in %s, at most %v may be", served, time.Since(start), most)
			}
		}
		if least := perSecond * time.Since(start).Seconds() * 0.8; served < least {
			t.Errorf("served %v in a day, want at least %v", served, least)
		}
	})
}

func TestDecisionIsWhatTheHeadersNeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		table := ratelimit.NewTable[string](ratelimit.Rate{PerSecond: 0.5, Burst: 3}, 4)
		for i, step := range []struct {
			sleep time.Duration
			take  bool
			want  ratelimit.Decision
		}{
			{0, false, ratelimit.Decision{OK: true, Limit: 3, Remaining: 3, Window: 6 * s}},
			{0, true, ratelimit.Decision{OK: true, Limit: 3, Remaining: 2, Window: 6 * s, Reset: 2 * s}},
			{s, false, ratelimit.Decision{OK: true, Limit: 3, Remaining: 2, Window: 6 * s, Reset: s}},
			{0, true, ratelimit.Decision{OK: true, Limit: 3, Remaining: 1, Window: 6 * s, Reset: s}},
			{0, true, ratelimit.Decision{OK: true, Limit: 3, Remaining: 0, Window: 6 * s, Reset: s}},
			{0, true, ratelimit.Decision{Limit: 3, Window: 6 * s, Reset: s, RetryAfter: s}},
			{s / 4, true, ratelimit.Decision{Limit: 3, Window: 6 * s, Reset: s * 3 / 4, RetryAfter: s * 3 / 4}},
			{0, false, ratelimit.Decision{Limit: 3, Window: 6 * s, Reset: s * 3 / 4, RetryAfter: s * 3 / 4}},
			{s * 3 / 4, false, ratelimit.Decision{OK: true, Limit: 3, Remaining: 1, Window: 6 * s, Reset: 2 * s}},
			{0, true, ratelimit.Decision{OK: true, Limit: 3, Remaining: 0, Window: 6 * s, Reset: 2 * s}},
			{6 * s, false, ratelimit.Decision{OK: true, Limit: 3, Remaining: 3, Window: 6 * s}},
			{60 * s, false, ratelimit.Decision{OK: true, Limit: 3, Remaining: 3, Window: 6 * s}},
		} {
			time.Sleep(step.sleep)
			ask := table.Peek
			if step.take {
				ask = table.Take
			}
			if diff := cmp.Diff(step.want, ask("a")); diff != "" {
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
		for range 500 {
			rate := ratelimit.Rate{PerSecond: math.Exp(random.Float64()*20 - 10), Burst: 1 + random.IntN(30)}
			table := ratelimit.NewTable[int](rate, 3)
			for range 50 {
				time.Sleep(time.Duration(random.Float64() / rate.PerSecond * float64(time.Second)))
				d := table.Take(1)
				if d.OK {
					continue
				}
				if d.RetryAfter <= 0 || d.RetryAfter != d.Reset || table.Peek(1).RetryAfter != d.RetryAfter {
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

// TestRatesOutOfTheOrdinary are those that settings refuse, and that must not
// overflow or divide by zero here either.
func TestRatesOutOfTheOrdinary(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0, -1, math.NaN(), math.Inf(-1), math.SmallestNonzeroFloat64, 1e-9} {
		for _, burst := range []int{math.MinInt, 0, 1, 1000, math.MaxInt} {
			synctest.Test(t, func(t *testing.T) {
				table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: perSecond, Burst: burst}, -1)
				want := min(max(1, burst), 100)
				if got := take(table, 1, want); got != want {
					t.Errorf("%v, %d: got %d of the burst", perSecond, burst, got)
				}
				time.Sleep(time.Second)
				if d := table.Peek(1); burst <= 1 && (d.OK || d.RetryAfter < time.Hour) {
					t.Errorf("%v, %d: got %+v", perSecond, burst, d)
				}
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []float64{1e9, 1e12, math.MaxFloat64, math.Inf(1)} {
			table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: perSecond, Burst: 2}, 1)
			if got := take(table, 1, 5); got != 2 {
				t.Errorf("%v: got a burst of %d", perSecond, got)
			}
			time.Sleep(2 * time.Nanosecond)
			if got := take(table, 1, 5); got != 2 {
				t.Errorf("%v: got %d after two nanoseconds", perSecond, got)
			}
		}
	})
}

func TestPeekTakesAndKeepsNothing(t *testing.T) {
	t.Parallel()
	table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: 1e-3, Burst: 2}, 2)
	for key := range 100 {
		if d := table.Peek(key); !d.OK || d.Remaining != 2 {
			t.Fatalf("got %+v", d)
		}
	}
	if n := table.Len(); n != 0 {
		t.Errorf("Peek kept %d keys", n)
	}
}

// TestTheClockOnTheWallIsIrrelevant sets it by an hour, both ways.
func TestTheClockOnTheWallIsIrrelevant(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int64{-3600, 3600} {
		table := ratelimit.NewTable[string](ratelimit.Rate{PerSecond: 1e-3, Burst: 3}, 4)
		if got := take(table, "a", 2); got != 2 {
			t.Fatalf("got %d", got)
		}
		before := table.Peek("a")
		start := table.StepWallClock(seconds)
		step := time.Until(start.Round(0).Add(time.Duration(seconds) * time.Second)) // Round drops the monotonic reading
		if step < -time.Minute || step > time.Minute {
			t.Fatalf("the clock was not set by %d seconds: %s", seconds, step)
		}
		after := table.Peek("a")
		if after.Remaining != before.Remaining || before.Reset-after.Reset > time.Minute || before.Reset < after.Reset {
			t.Errorf("by %d s: got %+v, want %+v", seconds, after, before)
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
		if got := ratelimit.Source(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
	if got := ratelimit.Source(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address: got %s", got)
	}
}

func TestOneNetworkIsOneBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := ratelimit.NewTable[netip.Prefix](ratelimit.Rate{PerSecond: 1, Burst: 10}, 1024)
		addr := netip.MustParseAddr("2001:db8::").As16()
		served := 0
		for i := range 65_536 {
			addr[8], addr[15] = byte(i>>8), byte(i)
			served += take(table, ratelimit.Source(netip.AddrFrom16(addr)), 1)
		}
		if served != 10 || table.Len() != 1 {
			t.Errorf("65,536 addresses of one /64 were served %d times, from %d buckets", served, table.Len())
		}
		addr[7] = 1
		if got := take(table, ratelimit.Source(netip.AddrFrom16(addr)), 1); got != 1 {
			t.Error("the network beside it is refused as well")
		}
	})
}

// TestTheFullestBucketGoes has an address limited, and then many others come.
func TestTheFullestBucketGoes(t *testing.T) {
	t.Parallel()
	const size, burst = 256, 20
	newTable := func() *ratelimit.Table[int] {
		return ratelimit.NewTable[int](ratelimit.Rate{PerSecond: 1, Burst: burst}, size)
	}
	t.Run("one request each cannot free the one that is limited", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			table := newTable()
			take(table, 0, burst)
			for key := range 100 * size {
				if !table.Take(1 + key).OK {
					t.Fatal("somebody is refused because the table is full")
				}
			}
			if table.Take(0).OK || table.Len() != size {
				t.Errorf("the limited key was freed by %d others, the table holds %d", 100*size, table.Len())
			}
		})
	})
	t.Run("nor can they over time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			table := newTable()
			take(table, 0, burst)
			served := 0
			for second := range 100 {
				for key := range 2 * size {
					table.Take(1 + second*2*size + key)
				}
				time.Sleep(time.Second)
				served += take(table, 0, burst)
			}
			if served != 100 {
				t.Errorf("the limited key got %d tokens in 100 s, want 100", served)
			}
		})
	})
	t.Run("a full one goes before any other, the oldest first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			table := newTable()
			take(table, 0, 10) // full after 10 s
			for key := range size - 1 {
				time.Sleep(time.Millisecond)
				take(table, 1+key, 1) // full after a second
			}
			time.Sleep(5 * time.Second)
			for key := range size - 1 {
				take(table, -1-key, burst)
				if d := table.Peek(0); d.Remaining != 15 {
					t.Fatalf("a bucket that was not full went: %+v", d)
				}
			}
			take(table, -size, burst)
			if d := table.Peek(0); d.Remaining != burst {
				t.Errorf("the fullest stayed: %+v", d)
			}
			if d := table.Peek(-1); d.OK {
				t.Errorf("an empty bucket went: %+v", d)
			}
		})
	})
	t.Run("of equals the one used least recently", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			table := newTable()
			for key := range size + 10 {
				take(table, key, burst)
				time.Sleep(time.Millisecond)
			}
			for key := range size + 10 {
				if free := table.Peek(key).OK; free != (key < 10) {
					t.Errorf("key %d: free is %v", key, free)
				}
			}
		})
	})
}

// TestAgainstAPlainModel compares with buckets that are never dropped, at random
// times and jumps that turn the wheel more than once.
func TestAgainstAPlainModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const keys, perSecond, burst = 50, 2, 9
		table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: perSecond, Burst: burst}, keys)
		tokens, last := [keys]float64{}, [keys]time.Time{}
		for key := range keys {
			tokens[key], last[key] = burst, time.Now()
		}
		random := rand.New(rand.NewPCG(5, 6))
		for range 50_000 {
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

// TestWhichBucketGoes lets many keys come at random times, from many in one slot
// of the wheel to more than a turn of it between two, and looks which one goes.
func TestWhichBucketGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size, window = 20, 10 * time.Second
		table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: 1, Burst: 10}, size)
		random := rand.New(rand.NewPCG(7, 8))
		gone := 0
		for range 20_000 {
			time.Sleep(time.Duration(math.Exp(random.Float64()*12-7) * float64(time.Second/4)))
			key := random.IntN(3 * size)
			before := table.Missing()
			for range 1 + random.IntN(10) {
				table.Take(key)
			}
			after := table.Missing()
			least := slices.Min(append(slices.Collect(maps.Values(before)), window))
			for old, missing := range before {
				if _, stays := after[old]; stays {
					continue
				}
				gone++
				if len(before) < size || missing > least+window/62+1 {
					t.Fatalf("of %d a bucket went that is full in %s, the next would have been in %s", len(before), missing, least)
				}
			}
		}
		if gone < 1000 {
			t.Errorf("only %d went: that shows little", gone)
		}
	})
}

// TestMemoryIsBounded is not parallel: it measures the heap of the process.
func TestMemoryIsBounded(t *testing.T) {
	const size, most = 262_144, 20 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	table := ratelimit.NewTable[netip.Prefix](ratelimit.Rate{PerSecond: 1, Burst: 20}, size)
	addr := netip.MustParseAddr("2001:db8::").As16()
	for round := range 2 {
		for i := range 1_000_000 {
			addr[3], addr[4], addr[5], addr[6] = byte(round), byte(i>>16), byte(i>>8), byte(i)
			if !table.Take(ratelimit.Source(netip.AddrFrom16(addr))).OK {
				t.Fatal("a new source is refused")
			}
		}
		used := int64(heap()) - int64(before)
		t.Logf("after %d million sources: %.1f MiB, %d bytes each", round+1, float64(used)/(1<<20), used/size)
		if used > most {
			t.Errorf("the table takes %d bytes, want at most %d", used, most)
		}
	}
	if n := table.Len(); n != size {
		t.Errorf("the table holds %d keys, want %d", n, size)
	}
}

func TestManyAtATime(t *testing.T) {
	t.Parallel()
	const burst, keys, workers = 100, 8, 16
	table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: 1e-6, Burst: burst}, 64)
	var served [keys]atomic.Int64
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			for i := range burst {
				for key := range keys {
					if table.Take(key).OK {
						served[key].Add(1)
					}
					table.Peek(key)
				}
				table.Take(1000 + worker*burst + i) // pushes out its like, and nobody else
			}
		})
	}
	wait.Wait()
	for key := range keys {
		if n := served[key].Load(); n != burst {
			t.Errorf("key %d was served %d times at once, want %d", key, n, burst)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 16, 1 << 20} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			table := ratelimit.NewTable[int](ratelimit.Rate{PerSecond: 1, Burst: 20}, size)
			for i := 0; b.Loop(); i++ { // every key is new: the dearest case
				table.Take(i)
			}
		})
	}
}
