package broadcast

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBatch is how many packets one system call hands over.
const maxBatch = 64

// messages is the memory that sendmmsg(2) reads: it is filled anew for every
// call, so that sending allocates nothing.
type messages struct {
	headers [maxBatch]mmsghdr
	vectors [maxBatch]unix.Iovec
}

// mmsghdr is struct mmsghdr of sendmmsg(2). Go pads it as C does.
type mmsghdr struct {
	unix.Msghdr
	_ uint32 // how many bytes were sent, which is all or none
}

// send hands packets to the kernel for one destination and returns how many it
// took, without waiting. There is an error only if it took none.
func (m *messages) send(fd uintptr, packets [][]byte, address, control []byte) (int, error) {
	packets = packets[:min(len(packets), maxBatch)]
	for i, packet := range packets {
		m.vectors[i].Base = &packet[0]
		m.vectors[i].SetLen(len(packet))
		h := &m.headers[i].Msghdr
		h.Iov = &m.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = &address[0], uint32(len(address))
		h.Control = unsafe.SliceData(control)
		h.SetControllen(len(control))
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&m.headers)), uintptr(len(packets)), unix.MSG_DONTWAIT, 0, 0)
	clear(m.headers[:len(packets)]) // they would keep the packets of this call alive
	clear(m.vectors[:len(packets)])
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// sockaddr returns the kernel's form of an address: struct sockaddr_in of ip(7), or
// sockaddr_in6 of ipv6(7) with the index of an interface as its scope.
func sockaddr(to netip.AddrPort, scope int) []byte {
	if to.Addr().Is4() {
		b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
		b = binary.BigEndian.AppendUint16(b, to.Port())
		b = append(b, to.Addr().AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET6)
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 0, 0, 0, 0) // flow information
	b = append(b, to.Addr().AsSlice()...)
	return binary.NativeEndian.AppendUint32(b, uint32(scope))
}

// etherTypeWake is the EtherType of a magic packet without IP.
const etherTypeWake = 0x0842

// linkLayer returns the struct sockaddr_ll of packet(7) for a frame of
// etherTypeWake to every station behind an interface.
func linkLayer(index int) []byte {
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_PACKET)
	b = binary.BigEndian.AppendUint16(b, etherTypeWake)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = append(b, 0, 0, 0, 6)                                  // hardware and packet type are for receiving; the address has 6 bytes
	return append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0) // of 8
}
