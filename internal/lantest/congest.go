package lantest

import (
	"errors"
	"syscall"

	"github.com/vishvananda/netlink"

	"wolgate/internal/skip"
)

// Congest makes the near end take next to nothing: a token bucket (tc-tbf(8)) of
// 1000 bytes a second holds packets back, as a card does that its switch has
// paused, and drops what its queue of so many bytes has no room for. It skips the
// test where the kernel has no such queue.
func (l *LAN) Congest(queue uint32) {
	l.t.Helper()
	l.slow(1000, queue)
}

// Slow is Congest for a near end that takes a packet in about ten milliseconds.
func (l *LAN) Slow(queue uint32) {
	l.t.Helper()
	l.slow(15_000, queue)
}

func (l *LAN) slow(rate uint64, queue uint32) {
	l.t.Helper()
	const frame, ticks = 1600, 15_625_000 // a second's, of 64 ns
	err := netlink.QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: l.index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate, // bytes a second
		Buffer:     uint32(frame * ticks / rate),
		Limit:      queue,
	})
	if errors.Is(err, syscall.ENOENT) {
		skip.Because(l.t, "this kernel has no tbf queue")
	}
	l.check("congest the near end", err)
}
