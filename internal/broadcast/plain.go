package broadcast

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"wolgate/internal/wol"
)

// plain puts an error of the kernel into words that tell an operator where to
// look, with the kernel's own where it has good ones, such as "network is
// unreachable".
func plain(err error) string {
	switch {
	case errors.Is(err, unix.ENOBUFS):
		return wol.QueueFull
	case full(err):
		return "queue is full, the interface does not take packets fast enough"
	case errors.Is(err, unix.EPERM):
		return wol.FirewallRefuses
	case errors.Is(err, unix.EINVAL):
		return "the interface's address has just changed, or the destination needs a zone (invalid argument)"
	case errors.Is(err, unix.EMSGSIZE):
		return "the interface's MTU is too small for a magic packet (message too long)"
	case errors.Is(err, os.ErrClosed):
		return "interface has gone"
	case errors.Is(err, context.Canceled):
		return "the daemon is stopping"
	case errors.Is(err, context.DeadlineExceeded):
		return "the call ended before this target's turn"
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
