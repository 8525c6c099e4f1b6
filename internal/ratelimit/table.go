package ratelimit

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// Table holds token buckets, one for each key, and a bounded number of them. A key
// that it does not hold has a full bucket.
//
// A bucket is one number, the time at which it will be full again (the generic
// cell rate algorithm, ITU-T I.371, calls it the theoretical arrival time): taking
// a token moves it on by the interval between two. Nothing has to be refilled, and
// no goroutine runs. Time is read from CLOCK_MONOTONIC, as the difference of two
// results of time.Now, so setting the machine's clock changes nothing. That clock
// stands still while the machine is suspended, and the buckets with it.
//
// If a new key needs room, the fuller half of the buckets is dropped. A full one is
// the same as none, so nothing is lost with it. Others give their keys tokens, but
// not cheaply: dropping a bucket from which n tokens are missing takes half a table of
// buckets from each of which as many are missing. One request from each of many
// sources does not reset a source that is limited. No key is ever refused because
// the table is full.
//
// A bucket is found by a hash of its key, so that it takes 36 bytes whatever the key is
// and holds no string of a request. The seed is secret, so keys that share a bucket
// cannot be chosen; by chance there are two among 65,536 in one table of 8 billion.
type Table[K comparable] struct {
	start    time.Time
	burst    int
	interval time.Duration
	window   time.Duration
	size     int
	seed     maphash.Seed

	mu   sync.Mutex
	full map[uint64]time.Duration // when each bucket will be full, since start
}

// NewTable returns a table that holds at most size buckets, at least one.
func NewTable[K comparable](rate Rate, size int) *Table[K] {
	burst := max(1, rate.Burst)
	interval := max(1, time.Duration(math.Round(float64(time.Second)/rate.PerSecond)))
	return &Table[K]{
		start: time.Now(), burst: burst, interval: interval, window: interval * time.Duration(burst),
		size: max(1, size), seed: maphash.MakeSeed(), full: map[uint64]time.Duration{},
	}
}

// Take takes a token if there is one. A refusal costs the key nothing: after
// RetryAfter there is a token.
func (t *Table[K]) Take(key K) Decision {
	id := maphash.Comparable(t.seed, key)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start) // under the mutex, so that it never runs backwards
	missing, ok := t.look(id, now)
	if ok {
		if _, held := t.full[id]; !held && len(t.full) >= t.size {
			t.sweep(now)
		}
		missing += t.interval
		t.full[id] = now + missing
	}
	return t.decide(ok, missing)
}

// Empty reports whether Take would refuse key now.
func (t *Table[K]) Empty(key K) bool {
	id := maphash.Comparable(t.seed, key)
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.look(id, time.Since(t.start))
	return !ok
}

// look returns in which time a bucket will be full, and whether it holds a token.
func (t *Table[K]) look(id uint64, now time.Duration) (missing time.Duration, ok bool) {
	missing = max(0, t.full[id]-now)
	return missing, missing+t.interval <= t.window
}

// sweep drops the fuller half of the buckets, and every full one. What stays moves
// to a new map, because one in which keys come and go forever keeps growing (Go 1.26).
func (t *Table[K]) sweep(now time.Duration) {
	times := slices.Sorted(maps.Values(t.full))
	dropped := max(now, times[len(times)/2])
	kept := make(map[uint64]time.Duration, len(times)/2)
	for id, full := range t.full {
		if full > dropped {
			kept[id] = full
		}
	}
	t.full = kept
}

// decide describes a bucket that will be full after missing.
func (t *Table[K]) decide(ok bool, missing time.Duration) Decision {
	tokens := (t.window - missing) / t.interval
	d := Decision{OK: ok, Limit: t.burst, Window: t.window, Remaining: int(tokens)}
	if missing > 0 {
		d.Reset = (tokens+1)*t.interval - (t.window - missing)
	}
	if !ok {
		d.RetryAfter = d.Reset
	}
	return d
}
