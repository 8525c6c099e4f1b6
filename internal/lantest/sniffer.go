package lantest

import (
	"net"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// Next returns the oldest frame that has been neither returned by Next nor by
// Collect, and waits for one for up to d.
func (s *sniffer) Next(d time.Duration) (Frame, bool) {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	for {
		if f, ok := s.queue.pop(); ok {
			return f, true
		}
		select {
		case <-s.queue.more:
		case <-timeout.C:
			return s.queue.pop()
		}
	}
}

// Collect returns the frames to come, until there has been none for as long as
// quiet.
func (s *sniffer) Collect(quiet time.Duration) []Frame {
	var all []Frame
	for {
		f, ok := s.Next(quiet)
		if !ok {
			return all
		}
		all = append(all, f)
	}
}

// sniffer captures what arrives at one interface.
type sniffer struct {
	conn  *packet.Conn
	ring  ring
	queue queue
	done  chan struct{} // closed when the ring is no longer read
}

// listen starts a sniffer on an interface of this thread's namespace.
func listen(name string) (*sniffer, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	s := &sniffer{conn: conn, queue: queue{more: make(chan struct{}, 1)}, done: make(chan struct{})}
	if err := raw.Control(func(fd uintptr) { s.ring, err = newRing(int(fd)) }); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	go func() {
		defer close(s.done)
		// Read calls this whenever the kernel has something to say, such as
		// that the link went down, and returns when the socket is closed.
		_ = raw.Read(func(uintptr) bool {
			s.ring.drain(s.keep)
			return false
		})
	}()
	return s, nil
}

func (s *sniffer) keep(at time.Time, length int, b []byte) {
	if f, ok := parse(b); ok {
		f.Time, f.Length = at, length
		s.queue.push(f)
	}
}

// close returns how many frames the kernel had no room for.
func (s *sniffer) close() (lost int) {
	if stats, err := s.conn.Stats(); err == nil {
		lost = int(stats.Drops)
	}
	_ = s.conn.Close()
	<-s.done
	s.ring.close()
	return lost
}

// queue holds any number of frames in their order.
type queue struct {
	mu     sync.Mutex
	frames []Frame
	more   chan struct{} // holds a token while frames may be waiting
}

func (q *queue) push(f Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames = append(q.frames, f)
	q.notify()
}

func (q *queue) pop() (Frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return Frame{}, false
	}
	f := q.frames[0]
	q.frames = q.frames[1:]
	if len(q.frames) > 0 {
		q.notify()
	}
	return f, true
}

func (q *queue) notify() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}
