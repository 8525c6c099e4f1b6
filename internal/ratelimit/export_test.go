package ratelimit

import (
	"time"
	"unsafe"
)

// StepWallClock makes the table believe that the machine's clock was set on by
// so many seconds, or back, after it was made: its start has another wall clock
// reading and the same monotonic one. Package time has no way to write this; the
// seconds stand above 30 bits of nanoseconds (time.Time in src/time/time.go).
func (t *Table[K]) StepWallClock(seconds int64) (start time.Time) {
	wall := (*uint64)(unsafe.Pointer(&t.start))
	*wall -= uint64(seconds) << 30
	return t.start
}

// Peek says what Take would say, except that nothing is taken: Remaining and
// Reset are those of now. It neither makes room for a key nor keeps one.
func (t *Table[K]) Peek(key K) Decision {
	t.mu.Lock()
	defer t.mu.Unlock()
	missing := t.missing(t.index.find(t.wheel.buckets, key), time.Since(t.start))
	return t.decide(missing+t.interval <= t.window, missing)
}

// Missing returns in which time the bucket of each key that is held will be full.
func (t *Table[K]) Missing() map[K]time.Duration {
	all := map[K]time.Duration{}
	for i := range t.wheel.buckets {
		if key := t.wheel.buckets[i].key; i > slots && t.index.find(t.wheel.buckets, key) == int32(i) {
			all[key] = t.missing(int32(i), time.Since(t.start))
		}
	}
	return all
}

// Len returns how many keys the table holds.
func (t *Table[K]) Len() int { return len(t.wheel.buckets) - slots - 1 }
