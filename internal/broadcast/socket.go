package broadcast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// socket sends for one interface and never waits. Were there one socket for all,
// a card that takes nothing any more (an Ethernet PAUSE, IEEE 802.3x) would fill
// its send buffer, and no packet would leave by the others either.
type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
}

// openSocket opens a UDP socket for the family of to. Go sets SO_BROADCAST on
// every one.
func openSocket(to netip.Addr) (*socket, error) {
	network := "udp4"
	if to.Is6() {
		network = "udp6"
	}
	conn, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, fmt.Errorf("open UDP socket: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &socket{conn: conn, raw: raw}, nil
}

// send hands one packet to the kernel, or fails at once with EAGAIN where the
// send buffer is full.
func (s *socket) send(packet, control []byte, to netip.AddrPort) error {
	address, err := sockaddr(to)
	if err != nil {
		return err
	}
	var failed error
	err = s.raw.Write(func(fd uintptr) bool {
		_, failed = syscall.SendmsgN(int(fd), packet, control, address, syscall.MSG_DONTWAIT)
		return true // never wait
	})
	return errors.Join(err, failed)
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
	if errors.Is(err, syscall.EAGAIN) {
		return "send buffer is full, the interface takes no packets"
	}
	if errors.Is(err, net.ErrClosed) {
		return "interface has gone"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
