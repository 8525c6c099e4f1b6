package room

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"wolgate/internal/wol"
)

// Room is a number of bytes that calls share.
type Room struct {
	size int64
	free *semaphore.Weighted
}

// New returns a room of that many bytes.
func New(bytes int64) *Room { return &Room{size: bytes, free: semaphore.NewWeighted(bytes)} }

// ForBody returns what a call whose body has that many bytes takes until it is answered:
// a thousand targets are 30 to 128 KiB of JSON, and with requests, packets, receipts and
// what is read and written about a megabyte.
func ForBody(bytes int) int64 { return 32 * int64(bytes) }

// Share is what one call has taken of a room; nil is nothing. It is not for several
// goroutines at a time.
type Share struct {
	of    *Room
	bytes int64
}

// Take waits until ctx ends for that many bytes, or for the whole room if that is smaller.
// If enough is free and nothing else waits, Take returns at once, even if ctx has ended.
// The error is a *wol.Error.
func (r *Room) Take(ctx context.Context, bytes int64) (*Share, error) {
	bytes = min(bytes, r.size)
	if r.free.TryAcquire(bytes) {
		return &Share{of: r, bytes: bytes}, nil
	}
	if err := r.free.Acquire(ctx, bytes); err != nil {
		return nil, &wol.Error{Kind: wol.RateLimited, RetryAfter: time.Second, Err: err,
			Message: "too many large calls are under way: wait as long as Retry-After says"}
	}
	return &Share{of: r, bytes: bytes}, nil
}

// Keep gives back all but that many bytes.
func (s *Share) Keep(bytes int64) {
	if s == nil || bytes >= s.bytes {
		return
	}
	s.of.free.Release(s.bytes - bytes)
	s.bytes = bytes
}
