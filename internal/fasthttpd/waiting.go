package fasthttpd

import (
	"net"
	"sync"
	"time"
)

// Waiting knows the connections on which nothing has arrived yet, such as those that
// browsers open in advance. At shutdown fasthttp would wait for them as for requests
// under way. The zero Waiting is ready to use.
type Waiting struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// closed is true once shutdown has begun. fasthttp closes its listener after
	// that, and would wait for connections accepted in between.
	closed bool
}

// Listen returns l as fasthttp is to serve it. A client that takes no piece of its answer for
// as long as write is cut off; the server's own WriteTimeout, for the whole answer, must be
// zero.
func (w *Waiting) Listen(l net.Listener, write time.Duration) net.Listener {
	return listener{l, w, write}
}

// Close closes the connections that are waiting, and every new one.
func (w *Waiting) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *Waiting) add(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = c.Close() // fasthttp finds out when it reads
		return
	}
	if w.conns == nil {
		w.conns = map[net.Conn]struct{}{}
	}
	w.conns[c] = struct{}{}
}

func (w *Waiting) remove(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

type listener struct {
	net.Listener
	waiting *Waiting
	write   time.Duration
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.waiting.add(c)
	return &conn{Conn: c, waiting: l.waiting, write: l.write, feeds: feeds{expected: true}}, nil
}
