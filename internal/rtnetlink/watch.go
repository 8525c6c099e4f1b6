package rtnetlink

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Watch tells when an interface, an address or a route of IPv4 changes in this network
// namespace.
type Watch struct {
	file *os.File // the socket
	raw  syscall.RawConn
}

// NewWatch starts to watch. Close ends it.
func NewWatch() (*Watch, error) {
	w, err := newWatch()
	if err != nil {
		return nil, fmt.Errorf("watch network interfaces: %w", err)
	}
	return w, nil
}

func newWatch() (*Watch, error) {
	// A file whose descriptor does not block is waited for by the runtime's
	// poller, which Close can interrupt.
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "netlink")
	groups := &unix.SockaddrNetlink{
		Family: unix.AF_NETLINK,
		Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV4_RULE,
	}
	if err := unix.Bind(fd, groups); err != nil {
		return nil, errors.Join(os.NewSyscallError("bind", err), file.Close())
	}
	// There is no deadline to remove. This fails if the poller (epoll(7), which has
	// limits) did not take the file, and then nothing could end a Wait.
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Watch{file: file, raw: raw}, nil
}

// Wait blocks until something may have changed since the last Wait, or since
// NewWatch; a burst of changes is one. It promises no change: the kernel also
// tells of what no Link shows. After Close it returns net.ErrClosed.
func (w *Watch) Wait() error {
	var failed error
	err := w.raw.Read(func(fd uintptr) (done bool) {
		var changed bool
		changed, failed = drain(int(fd))
		return changed || failed != nil
	})
	if err != nil {
		// Read has no other reason to fail, and gives this one no name.
		return fmt.Errorf("watch network interfaces: %w", net.ErrClosed)
	}
	if failed != nil {
		return fmt.Errorf("watch network interfaces: %w", failed)
	}
	return nil
}

// Close ends the watch, and a Wait that is under way.
func (w *Watch) Close() error { return w.file.Close() }

// drain throws away all that waits in the socket, and reports whether there was
// anything. What a message says is not looked at, so one byte of each will do:
// whoever reads the interfaces afterwards sees the sum of all changes, and no
// order of events can be got wrong.
func drain(fd int) (changed bool, err error) {
	buffer := make([]byte, 1)
	for {
		_, err := unix.Read(fd, buffer)
		switch {
		case err == nil:
			changed = true
		case errors.Is(err, unix.ENOBUFS):
			// The socket had no room for some messages (netlink(7)). That they are
			// lost is all that has to be known of them.
			changed = true
		case errors.Is(err, unix.EAGAIN):
			return changed, nil
		case errors.Is(err, unix.EINTR):
		default:
			return false, os.NewSyscallError("read", err)
		}
	}
}
