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
	err := netlink.QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: l.index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       1000,       // bytes a second
		Buffer:     25_000_000, // ticks of 64 ns: 1.6 s, and so 1600 bytes, one frame
		Limit:      queue,
	})
	if errors.Is(err, syscall.ENOENT) {
		skip.Because(l.t, "this kernel has no tbf queue")
	}
	l.check("congest the near end", err)
}
