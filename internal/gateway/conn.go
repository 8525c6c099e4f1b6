package gateway

import (
	"net"
	"sync"
	"sync/atomic"
)

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

// conn is a connection of a client.
type conn struct {
	net.Conn
	silent *silent
	once   sync.Once
	spoke  atomic.Bool // something has arrived
	unread atomic.Bool // a body has been refused
}

// Read takes the connection off the list at its first bytes, or its end.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.spoke.Store(true)
	}
	c.once.Do(func() { c.silent.remove(c.Conn) })
	return n, err
}

// Write says nothing to whoever has asked nothing. fasthttp says 408 when a
// connection has been silent for too long; a client that opened it in advance, as
// browsers do, would take that for the answer to a request that it is just making.
func (c *conn) Write(b []byte) (int, error) {
	if !c.spoke.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Close takes it off as well where nobody has read: past the server's limit.
func (c *conn) Close() error {
	c.silent.remove(c.Conn)
	if c.unread.Load() {
		linger(c.Conn)
	}
	return c.Conn.Close()
}
