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

// Watch waits for changes of interfaces, addresses and IPv4 routes in this network
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
	// The runtime's poller waits for a file whose descriptor does not block, and Close
	// can interrupt it.
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
// NewWatch; a burst of changes is one. There may be no change: the kernel also reports
// what no Link shows. After Close it returns net.ErrClosed.
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

// drain discards all messages that wait in the socket, and reports whether there were
// any. Their contents do not matter, so one byte of each is read: the interfaces, read
// afterwards, show the sum of all changes, whatever the order of events.
func drain(fd int) (changed bool, err error) {
	buffer := make([]byte, 1)
	for {
		_, err := unix.Read(fd, buffer)
		switch {
		case err == nil:
			changed = true
		case errors.Is(err, unix.ENOBUFS):
			// The socket had no room for some messages (netlink(7)), so something changed.
			changed = true
		case errors.Is(err, unix.EAGAIN):
			return changed, nil
		case errors.Is(err, unix.EINTR):
		default:
			return false, os.NewSyscallError("read", err)
		}
	}
}
