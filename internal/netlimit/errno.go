package netlimit

import (
	"errors"
	"syscall"
)

// passes reports whether an error of accept(2) says nothing against the next
// try. Out of descriptors or memory, the kernel leaves the connection in the
// queue, and sooner or later something is closed. The others are about the one
// connection that would have been returned: a firewall forbids it, its client is
// gone, or the network has already failed on it, which Linux reports as an error
// of accept and accept(2) asks to treat like EAGAIN.
func passes(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	case syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO, syscall.ENOPROTOOPT,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENONET:
		return true
	default:
		return false
	}
}
