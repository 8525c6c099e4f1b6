package gateway

import (
	"net"
	"sync"
)

// silent knows the connections on which nothing has arrived yet, such as
// browsers open in advance. At shutdown fasthttp would wait for them as for
// requests under way.
type silent struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// closed is true when Shutdown has begun. fasthttp closes its listener after
	// that, and would wait for whoever came in between.
	closed bool
}

func (s *silent) add(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close() // fasthttp finds out when it reads
		return
	}
	s.conns[c] = struct{}{}
}

func (s *silent) remove(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *silent) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
}
