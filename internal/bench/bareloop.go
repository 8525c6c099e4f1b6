package main

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// sendtoLoop sends the same packet as fast as one thread can, one system call each.
func sendtoLoop(span time.Duration) (packets sample, err error) {
	fd, err := bareSocket()
	if err != nil {
		return sample{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	packet, err := packetFor(1)
	if err != nil {
		return sample{}, err
	}
	to := &unix.SockaddrInet4{Port: wakePort, Addr: netip.MustParseAddr(lanBroadcast).As4()}
	n, begun := 0, time.Now()
	for ; time.Since(begun) < span; n++ {
		if err := unix.Sendto(fd, packet, 0, to); err != nil {
			return sample{}, os.NewSyscallError("sendto", err)
		}
	}
	return sample{perSecond: float64(n) / time.Since(begun).Seconds()}, nil
}

// sendmmsgLoop sends a packet to each of 1,000 targets in one system call, from one thread.
func sendmmsgLoop(span time.Duration) (packets sample, err error) {
	fd, err := bareSocket()
	if err != nil {
		return sample{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	to := unix.RawSockaddrInet4{
		Family: unix.AF_INET,
		Port:   binary.NativeEndian.Uint16([]byte{0, wakePort}), // in network byte order
		Addr:   netip.MustParseAddr(lanBroadcast).As4(),
	}
	var messages [wol.MaxTargets]struct { // struct mmsghdr
		unix.Msghdr
		_ uint32
	}
	for i := range messages {
		packet, err := packetFor(i + 1)
		if err != nil {
			return sample{}, err
		}
		messages[i].Name, messages[i].Namelen = (*byte)(unsafe.Pointer(&to)), unix.SizeofSockaddrInet4
		messages[i].Iov = &unix.Iovec{Base: &packet[0]}
		messages[i].Iov.SetLen(len(packet))
		messages[i].SetIovlen(1)
	}
	sent, begun := 0, time.Now()
	for time.Since(begun) < span {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages)), wol.MaxTargets, 0, 0, 0)
		if errno != 0 {
			return sample{}, os.NewSyscallError("sendmmsg", errno)
		}
		sent += int(n)
	}
	return sample{perSecond: float64(sent) / time.Since(begun).Seconds()}, nil
}

// bareSocket is one of the kernel and not of package net, which would have epoll(7)
// watch it, and so have a thread woken by what leaves: what is bare does not pay for that.
func bareSocket() (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP); err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return 0, errors.Join(os.NewSyscallError("setsockopt SO_BROADCAST", err), unix.Close(fd))
	}
	return fd, nil
}

func packetFor(n int) ([]byte, error) {
	return magicpacket.Packet{Target: target(n)}.MarshalBinary()
}
