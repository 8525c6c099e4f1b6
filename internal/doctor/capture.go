package doctor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// capture is a packet socket (packet(7)) that sees the magic packets which this host
// sends, on every interface. The kernel shows it a packet when it gives it to the
// driver: behind netfilter, its egress hook, tc, and the queue
// (dev_queue_xmit_nit in net/core/dev.c). What it shows is not yet on the
// wire, but only the driver can still lose it.
type capture struct {
	file *os.File
}

// captured is one magic packet that left.
type captured struct {
	mac  wol.MAC
	link int            // index of the interface
	to   netip.AddrPort // not valid for a raw frame
}

// openCapture needs CAP_NET_RAW; without it the error is EPERM.
func openCapture() (*capture, error) {
	// Without a protocol the socket receives nothing before bind, and so nothing that
	// the filter keeps out.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	c := &capture{file: os.NewFile(uintptr(fd), "packet socket")}
	if err := attach(fd); err != nil {
		return nil, errors.Join(err, c.file.Close())
	}
	all := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)} // and no interface
	if err := unix.Bind(fd, all); err != nil {
		return nil, errors.Join(fmt.Errorf("bind packet socket: %w", err), c.file.Close())
	}
	return c, nil
}

// attach filters for outgoing magic packets. A busy host sends more than a process
// can read, and the kernel would soon drop the probes.
func attach(fd int) error {
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 8},
		bpf.LoadExtension{Num: bpf.ExtLen},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: magicpacket.Len, SkipTrue: 6},
		// The six bytes 0xff, or four of them, where they may be.
		bpf.LoadAbsolute{Off: inFrame, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 5},
		bpf.LoadAbsolute{Off: inIPv4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 3},
		bpf.LoadAbsolute{Off: inIPv6, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: mostBytes},
	})
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(program))
	for i, one := range program {
		filter[i] = unix.SockFilter{Code: one.Op, Jt: one.Jt, Jf: one.Jf, K: one.K}
	}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
}

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// close may be called more than once.
func (c *capture) close() { _ = c.file.Close() }

// next returns the next magic packet, or os.ErrDeadlineExceeded if none is captured
// until then.
func (c *capture) next(until time.Time) (captured, error) {
	if err := c.file.SetReadDeadline(until); err != nil {
		return captured{}, err
	}
	raw, err := c.file.SyscallConn()
	if err != nil {
		return captured{}, err
	}
	packet := make([]byte, mostBytes)
	for {
		var n int
		var from unix.Sockaddr
		var failed error
		err := raw.Read(func(fd uintptr) (done bool) {
			n, from, failed = unix.Recvfrom(int(fd), packet, unix.MSG_DONTWAIT)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err := errors.Join(err, os.NewSyscallError("read packet socket", failed)); err != nil {
			return captured{}, err
		}
		mac, to, ok := magicIn(packet[:n])
		if at, known := from.(*unix.SockaddrLinklayer); ok && known {
			return captured{mac: mac, link: at.Ifindex, to: to}, nil
		}
	}
}
