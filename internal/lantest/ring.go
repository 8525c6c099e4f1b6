package lantest

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ring has room for 16384 frames, so that a burst of every packet that a
// test may send fits in while the reader waits for a CPU. A slot cuts a frame
// off; the rest of an Ethernet frame would cost four times the memory.
const (
	slotSize  = 512
	blockSize = 64 << 10
	blocks    = 128
	slots     = blocks * blockSize / slotSize
)

// ring is memory that the kernel fills with frames and shares with us
// (PACKET_RX_RING, version 2; see packet_mmap.rst in the kernel's documentation).
//
// Reading from the socket would be simpler, and lossy: what waits there counts
// against SO_RCVBUF, of which net.core.rmem_max, 208 KiB on a machine as it
// comes, allows some hundred small frames, and the way round that limit,
// SO_RCVBUFFORCE, is closed to user namespaces.
type ring struct {
	memory []byte
	next   int // the slot that the kernel fills next
}

func newRing(fd int) (ring, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return ring{}, fmt.Errorf("setsockopt PACKET_VERSION: %w", err)
	}
	// The far end is a host with IPv6 and says hello; only arrivals count.
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return ring{}, fmt.Errorf("setsockopt PACKET_IGNORE_OUTGOING: %w", err)
	}
	req := &unix.TpacketReq{Block_size: blockSize, Block_nr: blocks, Frame_size: slotSize, Frame_nr: slots}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, req); err != nil {
		return ring{}, fmt.Errorf("setsockopt PACKET_RX_RING: %w", err)
	}
	memory, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return ring{}, fmt.Errorf("map PACKET_RX_RING: %w", err)
	}
	return ring{memory: memory}, nil
}

// drain calls f with every frame that is there and the length that it had before
// its slot cut it off, and gives the slot back to the kernel afterwards.
func (r *ring) drain(f func(at time.Time, length int, frame []byte)) {
	for {
		slot := r.memory[r.next*slotSize:][:slotSize]
		header := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
		// The kernel writes the status after all the rest and reads it before it
		// writes again: the two atomics are what keeps us apart.
		if atomic.LoadUint32(&header.Status)&unix.TP_STATUS_USER == 0 {
			return
		}
		frame := slot[header.Mac:][:header.Snaplen]
		f(time.Unix(int64(header.Sec), int64(header.Nsec)), int(header.Len), frame)
		atomic.StoreUint32(&header.Status, unix.TP_STATUS_KERNEL)
		r.next = (r.next + 1) % slots
	}
}

func (r *ring) close() { _ = unix.Munmap(r.memory) }
