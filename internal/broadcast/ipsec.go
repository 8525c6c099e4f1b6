package broadcast

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

var errIPsec = errors.New("an IPsec policy of this host drops it, as XfrmOut in /proc/net/xfrm_stat counts: let UDP broadcasts pass it (sudo ip xfrm policy)")

// ipsec finds packets that an IPsec policy swallows. The kernel calls each a success
// (net/xfrm/xfrm_policy.c makes a blackhole of the route), and counts it for the whole
// network namespace. The policies themselves need CAP_NET_ADMIN to be read.
type ipsec struct {
	stat *os.File      // nil where the kernel has no such counters
	last atomic.Uint64 // a count that is not newer than the latest

	sends sync.RWMutex // held for reading by each of our sends, which move the count too

	mu   sync.Mutex
	text [4 << 10]byte // of stat, which has a third of that
}

func (p *ipsec) open() {
	p.stat, _ = os.Open("/proc/self/net/xfrm_stat") // not /proc/net, which ProcSubset=pid may hide
	p.last.Store(p.count())
}

func (p *ipsec) close() error {
	if p.stat == nil {
		return nil
	}
	return p.stat.Close()
}

// count returns how many outgoing packets, of whatever program, have been dropped.
func (p *ipsec) count() (dropped uint64) {
	if p.stat == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n, _ := p.stat.ReadAt(p.text[:], 0)
	for line := range bytes.Lines(p.text[:n]) {
		if bytes.HasPrefix(line, []byte("XfrmOut")) {
			dropped += digits(line)
		}
	}
	return dropped
}

// overrule marks as failed the packets of a round that an IPsec policy dropped; last is the
// count from before the round. A policy of action block makes the send fail with a bare EPERM.
func (p *ipsec) overrule(r *round, last uint64) {
	now := p.count()
	p.last.Store(now)
	if now == last {
		return
	}
	for d, to := range r.destinations {
		if p.drops(to) {
			r.overrule(d, nil, errIPsec)
			r.overrule(d, unix.EPERM, errIPsec)
		}
	}
}

// digits reads the one number of a line.
func digits(line []byte) (n uint64) {
	for _, c := range line {
		if '0' <= c && c <= '9' {
			n = 10*n + uint64(c-'0')
		}
	}
	return n
}

// drops reports whether it is this destination's packets that are dropped. A connect looks
// the policy up as a send does, and sends nothing. Our own sends and connects wait
// meanwhile: they would move the counters as well. That other programs' packets do so at
// each of several connects is out of the question.
func (p *ipsec) drops(d destination) bool {
	if d.outlet.family == unix.AF_PACKET { // no IP, and no IPsec
		return false
	}
	p.sends.Lock()
	defer p.sends.Unlock()
	const times = 3
	for range times {
		before := p.count()
		if err := connect(d); err != nil && !errors.Is(err, unix.EPERM) { // which is a policy that blocks
			return false
		}
		if p.count() == before {
			return false
		}
	}
	return true
}

// connect connects a socket of its own to a destination, by its interface.
func connect(d destination) error {
	fd, err := unix.Socket(d.outlet.family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := setOptions(fd, d.outlet.family); err != nil {
		return err
	}
	if d.outlet.index != 0 { // since Linux 5.7 without privilege
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, d.outlet.index); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&d.address[0])), uintptr(len(d.address))); errno != 0 {
		return errno
	}
	return nil
}
