package broadcast

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// roomWait is how long packets wait for room while none finds any: time for a
	// 10 Mbit/s card to send hundreds.
	roomWait = 50 * time.Millisecond
	// answerTime is what is left of a call's time when it stops waiting for room, so
	// that what did leave can still be reported.
	answerTime = 200 * time.Millisecond
)

// post is what goes to one destination at a time, and what came of it.
type post struct {
	to      destination
	packets [][]byte
	failed  []error // as long as packets: why each was not sent, or nil
}

// sendPosts hands every post to the kernel, and then waits a moment for all interfaces
// together that had no room. One that took nothing in that time is not waited for again
// until it has taken a packet.
//
// Waiting means looking again, less and less often: for the queue behind a socket there is
// no event to wait for.
func sendPosts(ctx context.Context, posts []post, retry func() bool) {
	for _, p := range posts {
		p.to.send(p.packets, p.failed)
	}
	gap, end := time.Millisecond, time.Now().Add(roomWait)
	for slices.ContainsFunc(posts, post.waits) && mayWait(ctx) {
		if !time.Now().Before(end) {
			giveUp(posts)
			return
		}
		time.Sleep(gap)
		gap *= 2
		for _, p := range posts {
			// A try may take a millisecond: a macvlan's is copied to each of its siblings.
			if p.waits() && mayWait(ctx) && time.Now().Before(end) && p.again(retry) {
				gap, end = time.Millisecond, time.Now().Add(roomWait)
			}
		}
	}
}

func giveUp(posts []post) {
	for _, p := range posts {
		if p.waits() {
			p.to.socket.stuck.Store(true)
		}
	}
}

// mayWait reports whether a call that waits can still be answered in time.
func mayWait(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) > answerTime)
}

// waits reports whether packets of p found no room, and may find some.
func (p post) waits() bool {
	return slices.ContainsFunc(p.failed, full) && !p.to.socket.stuck.Load()
}

// again tries the packets that found no room until one finds none again, and reports
// whether any was taken.
func (p post) again(retry func() bool) (taken bool) {
	for i, err := range p.failed {
		if !full(err) {
			continue
		}
		if lost(err) && !retry() {
			return taken
		}
		p.to.send(p.packets[i:i+1], p.failed[i:i+1])
		if full(p.failed[i]) {
			return taken
		}
		taken = true
	}
	return taken
}

// full reports whether the send buffer (EAGAIN) or the interface's queue (ENOBUFS) had
// no room for a packet.
func full(err error) bool {
	return errors.Is(err, unix.EAGAIN) || lost(err)
}

// lost reports whether the kernel dropped a packet on its way. A macvlan has handed it to
// the others on its card by then.
func lost(err error) bool { return errors.Is(err, unix.ENOBUFS) }
