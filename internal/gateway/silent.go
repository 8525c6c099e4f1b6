package gateway

import (
	"net"
	"sync"
	"sync/atomic"
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

// listener hands every connection to silent until it speaks.
type listener struct {
	net.Listener
	silent *silent
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.silent.add(c)
	return &conn{Conn: c, silent: l.silent}, nil
}

type conn struct {
	net.Conn
	silent *silent
	once   sync.Once
	unread atomic.Bool // a body has been refused
}

// Read takes the connection off the list at its first bytes, or its end.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.once.Do(func() { c.silent.remove(c.Conn) })
	return n, err
}

// Close takes it off as well where nobody has read: past the server's limit.
func (c *conn) Close() error {
	c.silent.remove(c.Conn)
	if c.unread.Load() {
		linger(c.Conn)
	}
	return c.Conn.Close()
}
