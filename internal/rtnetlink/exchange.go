package rtnetlink

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sequence is the sequence number of every request: each has a socket of its own.
	sequence = 1
	// answerTime is how long the kernel may take. It answers within the system call
	// that asks; only a program that stands in for a kernel is ever late.
	answerTime = 2 * time.Second
	// datagramSize is more than an answer can have. The kernel fills datagrams of
	// up to 32 KiB with a dump; only the virtual functions of a network card make
	// larger ones, and those have to be asked for (IFLA_EXT_MASK).
	datagramSize = 64 << 10
)

// exchange sends a request and calls each with every message of the answer, until each
// returns false or the answer ends. The end is such a message
// too (NLMSG_DONE, NLMSG_ERROR). Messages do not outlive the call.
//
// The socket belongs to the network namespace of the thread that opens it.
func exchange(request []byte, each func(message) (more bool)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	// Closing also ends a dump that is not read to its end.
	defer func() { _ = unix.Close(fd) }()
	timeout := unix.NsecToTimeval(answerTime.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	buffer := make([]byte, datagramSize)
	for {
		answer, err := receive(fd, buffer)
		if err != nil {
			return err
		}
		for _, m := range answer {
			if !each(m) {
				return nil
			}
			if m.Type == unix.NLMSG_DONE || m.Type == unix.NLMSG_ERROR {
				return m.outcome()
			}
		}
	}
}

// receive returns the messages about our request in the kernel's next datagram.
func receive(fd int, buffer []byte) ([]message, error) {
	for {
		n, _, flags, from, err := unix.Recvmsg(fd, buffer, nil, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			// With a timeout no signal handler makes the kernel restart the call,
			// SA_RESTART or not (signal(7)).
			continue
		case errors.Is(err, unix.EAGAIN):
			return nil, fmt.Errorf("the kernel did not answer within %v: %w", answerTime, os.ErrDeadlineExceeded)
		case err != nil:
			return nil, os.NewSyscallError("recvmsg", err)
		}
		// A process with CAP_NET_ADMIN can send to our socket as well. Only the
		// kernel has port 0 (netlink(7)).
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue
		}
		if flags&unix.MSG_TRUNC != 0 {
			return nil, fmt.Errorf("the kernel's answer is longer than %d bytes", len(buffer))
		}
		all, err := messages(buffer[:n])
		return slices.DeleteFunc(all, func(m message) bool { return m.Seq != sequence }), err
	}
}
