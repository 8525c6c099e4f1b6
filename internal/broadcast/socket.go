package broadcast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// roomWait is how long one packet waits for room: time for a 10 Mbit/s card to
// send hundreds.
const roomWait = 50 * time.Millisecond

// socket sends for one interface. Were there one socket for all, a card that
// takes nothing any more (an Ethernet PAUSE, IEEE 802.3x) would fill its send
// buffer, and no packet would leave by the others either.
type socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	stuck atomic.Bool // the last packet found no room, in spite of waiting
}

// openSocket opens a UDP socket for the family of to. Go sets SO_BROADCAST on
// every one. IP_RECVERR (ip(7)) makes the kernel tell of a packet that the queue
// of the interface has dropped; without it, UDP calls such a packet sent.
func openSocket(to netip.Addr) (*socket, error) {
	network, level, option := "udp4", syscall.IPPROTO_IP, syscall.IP_RECVERR
	if to.Is6() {
		network, level, option = "udp6", syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), level, option, 1) })
		return errors.Join(err, os.NewSyscallError("setsockopt IP_RECVERR", failed))
	}}
	packetConn, err := config.ListenPacket(context.Background(), network, "")
	if err != nil {
		return nil, fmt.Errorf("open UDP socket: %w", err)
	}
	conn := packetConn.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &socket{conn: conn, raw: raw}, nil
}

// send hands one packet to the kernel. Where the interface has no room for it,
// it waits a moment, as long as ctx lasts; one that took nothing in that time is
// not waited for again until it has taken a packet.
func (s *socket) send(ctx context.Context, packet, control []byte, to netip.AddrPort) error {
	address, err := sockaddr(to)
	if err != nil {
		return err
	}
	err = s.try(packet, control, address)
	if err != nil && !full(err) {
		// It may be the answer to an earlier packet, an ICMP error (RFC 1122
		// section 4.1.3.3), which the kernel reports in place of sending this one.
		err = s.try(packet, control, address)
	}
	// Waiting means looking again: for the queue behind the socket there is no
	// event to wait for.
	for end := time.Now().Add(roomWait); full(err) && !s.stuck.Load() && ctx.Err() == nil && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		err = s.try(packet, control, address)
	}
	s.stuck.Store(full(err))
	return err
}

func (s *socket) try(packet, control []byte, address syscall.Sockaddr) error {
	var failed error
	err := s.raw.Write(func(fd uintptr) bool {
		_, failed = syscall.SendmsgN(int(fd), packet, control, address, syscall.MSG_DONTWAIT)
		return true // the runtime's poller shall not wait either
	})
	return errors.Join(err, failed)
}

// full says whether the send buffer (EAGAIN) or the interface's queue (ENOBUFS)
// had no room for a packet.
func full(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS)
}

func sockaddr(to netip.AddrPort) (syscall.Sockaddr, error) {
	if to.Addr().Is4() {
		return &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}, nil
	}
	address := &syscall.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if zone := to.Addr().Zone(); zone != "" {
		index, err := strconv.ParseUint(zone, 10, 32)
		if err != nil { // a name; asked for each time, because its index may change
			i, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, syscall.ENODEV
			}
			index = uint64(i.Index)
		}
		address.ZoneId = uint32(index)
	}
	return address, nil
}

// plain returns the kernel's own word for an error, such as "network is
// unreachable", without what package net puts around it.
func plain(err error) string {
	if full(err) {
		return "queue is full, the interface does not take packets fast enough"
	}
	if errors.Is(err, net.ErrClosed) {
		return "interface has gone"
	}
	if errors.Is(err, context.Canceled) {
		return "the daemon is stopping"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
