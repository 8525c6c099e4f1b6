package broadcast

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"wolgate/internal/wol"
)

// errorText returns an error of the kernel in words that tell an operator where to
// look, or the kernel's own where they are good, such as "network is unreachable".
func errorText(err error) string {
	switch {
	case errors.Is(err, unix.ENOBUFS):
		return "queue is full, or an egress rule of a firewall on this host drops it (no buffer space available)"
	case full(err):
		return "queue is full, the interface does not take packets fast enough"
	case errors.Is(err, unix.EPERM):
		return "a firewall on this host refuses it (operation not permitted)"
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

// failureCode returns the cause that programs look for, if err is one of those.
func failureCode(err error) wol.FailureCode {
	switch {
	case errors.Is(err, unix.ENOBUFS):
		return wol.QueueFull
	case errors.Is(err, unix.EPERM):
		return wol.FirewallRefused
	case errors.Is(err, errIPsec):
		return wol.IPsecDropped
	default:
		return ""
	}
}
