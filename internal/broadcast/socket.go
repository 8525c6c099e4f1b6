package broadcast

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket sends to the destinations of one outlet.
type socket struct {
	file       *os.File // keeps the descriptor from being closed while a call uses it
	raw        syscall.RawConn
	stuck      atomic.Bool // a packet found no room in spite of waiting, and none has since
	unanswered atomic.Bool // see destination.silent

	sends *sync.RWMutex // of ipsec

	mu       sync.Mutex // for the rest, which one system call uses at a time
	messages messages
	call     struct { // what transmit is to send, and what came of it
		packets          [][]byte
		address, control []byte
		sent             int
		err              error
	}
	transmit func(fd uintptr) // made once, because making it allocates
}

// openSocket opens a socket of a family: UDP, or AF_PACKET for bare frames, which
// needs CAP_NET_RAW (packet(7)). Nothing is sent while sends is locked.
func openSocket(family int, sends *sync.RWMutex) (*socket, error) {
	protocol := unix.IPPROTO_UDP
	if family == unix.AF_PACKET {
		protocol = 0 // nothing is to be received
	}
	// Not SOCK_NONBLOCK, for which os.NewFile would put it among what the runtime's
	// epoll(7) watches: the kernel would wake a thread whenever a packet has left and
	// made room. Every send says MSG_DONTWAIT instead.
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	if err := spare(fd); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if err := setOptions(fd, family); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	s := &socket{file: os.NewFile(uintptr(fd), "socket"), sends: sends}
	s.transmit = func(fd uintptr) {
		s.call.sent, s.call.err = s.messages.send(fd, s.call.packets, s.call.address, s.call.control)
	}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

// spared is how many descriptors are kept free.
const spared = 4

// spare refuses one of the last descriptors, so that clients can still connect on a host
// with more interfaces than descriptors. The kernel gives out the lowest that is free
// (open(2)), so its number is how many are taken.
func spare(fd int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit RLIMIT_NOFILE", err)
	}
	if uint64(fd)+spared >= limit.Cur {
		return fmt.Errorf("open socket: %w: raise RLIMIT_NOFILE", unix.EMFILE)
	}
	return nil
}

// setOptions allows broadcasts, and has the kernel report packets that the queue of the
// interface drops (IP_RECVERR, ip(7)); without it, UDP calls them sent. A packet that
// does not fit into a frame must fail: no network card recognizes it in fragments.
func setOptions(fd, family int) error {
	switch family {
	case unix.AF_INET:
		return errors.Join(
			os.NewSyscallError("setsockopt SO_BROADCAST", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)),
			os.NewSyscallError("setsockopt IP_RECVERR", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)),
			os.NewSyscallError("setsockopt IP_MTU_DISCOVER", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)))
	case unix.AF_INET6:
		return os.NewSyscallError("setsockopt IPV6_RECVERR", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1))
	default:
		return nil
	}
}

func (s *socket) close() error { return s.file.Close() }

// send hands packets to the kernel for one destination and stores into failed, which is
// as long, why each one was not sent, or nil. It does not wait.
func (s *socket) send(packets [][]byte, address, control []byte, failed []error) {
	for len(packets) > 0 {
		sent, err := s.try(packets, address, control)
		if sent > 0 {
			s.stuck.Store(false)
		}
		clear(failed[:sent])
		packets, failed = packets[sent:], failed[sent:]
		if err == nil {
			continue
		}
		if !full(err) {
			// It may be the answer to an earlier packet, an ICMP error (RFC 1122
			// section 4.1.3.3), which the kernel reports in place of sending this one.
			_, err = s.try(packets[:1], address, control)
		}
		failed[0] = err // it is about the first one only
		packets, failed = packets[1:], failed[1:]
	}
}

// try makes one system call; as messages.send, it fails only if nothing went.
func (s *socket) try(packets [][]byte, address, control []byte) (sent int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sends.RLock()
	defer s.sends.RUnlock()
	s.call.packets, s.call.address, s.call.control = packets, address, control
	s.call.sent, s.call.err = 0, nil
	err = s.raw.Control(s.transmit)
	s.call.packets = nil
	if err != nil {
		return 0, os.ErrClosed // the only way in which Control fails
	}
	return s.call.sent, s.call.err
}
