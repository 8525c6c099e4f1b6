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
		packet, err := magicpacket.Packet{Target: target(i + 1)}.MarshalBinary()
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

// bareSocket does without package net, whose poller would have epoll(7) wake a thread
// whenever a packet has left.
func bareSocket() (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP); err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return 0, errors.Join(os.NewSyscallError("setsockopt SO_BROADCAST", err), unix.Close(fd))
	}
	return fd, nil
}
