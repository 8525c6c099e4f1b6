// Package ratelimit counts what sources and keys do, in bounded memory.
package ratelimit

import (
	"math"
	"sync"
	"time"
)

// Table holds a token bucket for each key, and of so many keys at most. A key
// that it does not hold has a full bucket.
//
// A bucket is one number, the time at which it will be full again (the generic
// cell rate algorithm, ITU-T I.371, calls it the theoretical arrival time):
// a token is taken by moving that time on by the interval between two. Nothing
// has to be refilled, and no goroutine runs. Time is read from CLOCK_MONOTONIC,
// as the difference of two results of time.Now, so setting the machine's clock
// changes nothing. That clock stands still while the machine is suspended, and
// the buckets with it.
//
// Where a new key needs room, the bucket goes that has been full for longest, and
// where none is full, the one that will be next, of equals the one used least
// recently. A full one is the same as none, so nothing is lost with it. By age
// alone an address that is being limited could buy itself a full bucket with one
// request from each of many other addresses. Here it cannot: their buckets push
// out each other. To push out a bucket from which n tokens are missing takes as
// many buckets as the table holds from each of which as many are missing, give
// or take a 62nd part of the window: far more tokens than are won by it. Nobody
// is ever refused because the table is full.
//
// As netip.Prefix a key takes 64 bytes at most with its bucket: 65,536 of them
// take 4 MiB, and 262,144 take 16 MiB, however many come. All of it is allocated
// at once. Every operation takes the same short time, under one mutex.
type Table[K comparable] struct {
	start    time.Time
	burst    int
	interval time.Duration
	window   time.Duration

	mu    sync.Mutex
	index index[K]
	wheel wheel[K]
}

// NewTable returns a table of full buckets that holds size keys, at least one.
func NewTable[K comparable](rate Rate, size int) *Table[K] {
	burst, interval := rate.burst(), rate.interval()
	window := interval * time.Duration(burst)
	size = min(max(1, size), math.MaxInt32-slots-1)
	return &Table[K]{
		start: time.Now(), burst: burst, interval: interval, window: window,
		index: newIndex[K](size), wheel: newWheel[K](window, size),
	}
}

// Take takes a token if there is one. A refusal costs the key nothing: whoever
// waits as long as it says is served.
func (t *Table[K]) Take(key K) Decision {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start) // under the mutex, so that it never runs backwards
	t.wheel.turn(now)
	i := t.index.find(t.wheel.buckets, key)
	missing := t.missing(i, now)
	if missing+t.interval > t.window {
		return t.decide(false, missing)
	}
	missing += t.interval
	if i == 0 {
		i = t.room()
		t.wheel.buckets[i].key = key
		t.index.add(t.wheel.buckets, i)
	} else {
		t.wheel.remove(i)
	}
	t.wheel.put(i, now+missing)
	return t.decide(true, missing)
}

// missing returns the time in which a bucket will be full; 0 is that of a key
// without one.
func (t *Table[K]) missing(i int32, now time.Duration) time.Duration {
	if i == 0 {
		return 0
	}
	return max(0, t.wheel.buckets[i].full-now)
}

// room returns a place for a new key's bucket.
func (t *Table[K]) room() int32 {
	if i, ok := t.wheel.grow(); ok {
		return i
	}
	i := t.wheel.fullest()
	t.index.remove(t.wheel.buckets, i)
	t.wheel.remove(i)
	return i
}

// decide describes a bucket that will be full after missing.
func (t *Table[K]) decide(ok bool, missing time.Duration) Decision {
	d := Decision{OK: ok, Limit: t.burst, Window: t.window}
	tokens := (t.window - missing) / t.interval
	d.Remaining = int(tokens)
	if missing > 0 {
		d.Reset = (tokens+1)*t.interval - (t.window - missing)
	}
	if !ok {
		d.RetryAfter = d.Reset
	}
	return d
}
