package ratelimit

import "time"

// slots is the number of lists in a wheel, besides the one of full buckets.
const slots = 64

// wheel keeps buckets in the order in which they will be full, nearly: it is a
// timing wheel (Varghese and Lauck, 1987). Time is cut into slots; a bucket is
// in the list of the slot in which it will be full, and moves to the list of
// full buckets, with all others of that slot, when that has passed. No bucket
// takes longer than the window, so slots can be used again in turn.
type wheel[K comparable] struct {
	width  time.Duration // of a slot
	passed int64         // how many slots have passed

	buckets []bucket[K] // the first are the heads of the lists: those of the slots, then that of full buckets
}

// bucket is what is known of a key. It is a member of one circular list, and of
// one chain of the index; both name others by number, which is half a pointer.
type bucket[K comparable] struct {
	key        K
	full       time.Duration // since the table's start
	prev, next int32
	chain      int32 // the next whose key has the same hash, or 0
}

func newWheel[K comparable](window time.Duration, size int) wheel[K] {
	// A bucket is full at latest a window from now, which is slots-2 slots on, or
	// one more where a slot begins in between: two turns never share a list.
	w := wheel[K]{width: window/(slots-2) + 1, buckets: make([]bucket[K], slots+1, slots+1+size)}
	for i := range w.buckets {
		w.buckets[i].prev, w.buckets[i].next = int32(i), int32(i)
	}
	return w
}

// turn moves the buckets of the slots that have passed to the list of full ones.
func (w *wheel[K]) turn(now time.Duration) {
	passed := int64(now / w.width)
	for slot := max(w.passed, passed-slots); slot < passed; slot++ {
		w.release(head(slot))
	}
	w.passed = passed
}

// grow returns a new bucket, or false where there are as many as there may be.
func (w *wheel[K]) grow() (int32, bool) {
	n := len(w.buckets)
	if n == cap(w.buckets) {
		return 0, false
	}
	w.buckets = w.buckets[:n+1]
	return int32(n), true
}

// fullest returns the bucket that is full, or will be next. There must be one.
func (w *wheel[K]) fullest() int32 {
	if first := w.buckets[slots].next; first != slots {
		return first
	}
	slot := w.passed
	for w.buckets[head(slot)].next == head(slot) {
		slot++
	}
	return w.buckets[head(slot)].next
}

// put puts a bucket that is in no list at the end of the one where it belongs.
func (w *wheel[K]) put(i int32, full time.Duration) {
	list := head(int64(full / w.width))
	last := w.buckets[list].prev
	b := &w.buckets[i]
	b.full, b.prev, b.next = full, last, list
	w.buckets[last].next, w.buckets[list].prev = i, i
}

// remove takes a bucket out of its list.
func (w *wheel[K]) remove(i int32) {
	prev, next := w.buckets[i].prev, w.buckets[i].next
	w.buckets[prev].next, w.buckets[next].prev = next, prev
}

// release moves all of a list to the end of the list of full buckets.
func (w *wheel[K]) release(list int32) {
	first, last := w.buckets[list].next, w.buckets[list].prev
	if first == list {
		return
	}
	end := w.buckets[slots].prev
	w.buckets[end].next, w.buckets[first].prev = first, end
	w.buckets[last].next, w.buckets[slots].prev = slots, last
	w.buckets[list].next, w.buckets[list].prev = list, list
}

// head is the list of a slot.
func head(slot int64) int32 { return int32(slot % slots) }
