package fasthttpd

import (
	"net"
	"sync"
	"sync/atomic"
)

// conn is a connection of a client.
type conn struct {
	net.Conn
	waiting *Waiting
	once    sync.Once
	spoke   atomic.Bool // something has arrived
	unread  atomic.Bool // a body has been refused
}

// Spoke reports whether anything has arrived on c, a connection that fasthttp serves.
func Spoke(c net.Conn) bool {
	ours, ok := c.(*conn)
	return !ok || ours.spoke.Load()
}

// LeaveUnread has c, a connection that fasthttp serves, wait for the client's end before it
// is closed, because a body was refused that is still on its way.
func LeaveUnread(c net.Conn) {
	if ours, ok := c.(*conn); ok {
		ours.unread.Store(true)
	}
}

// Read takes the connection off the list at its first bytes, or its end.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.spoke.Store(true)
	}
	c.once.Do(func() { c.waiting.remove(c.Conn) })
	return n, err
}

// Write drops what is said to a client that has asked nothing. fasthttp says 408 when a
// connection has been silent for too long; a client that opened it in advance, as
// browsers do, would take that for the answer to the request that it is about to make.
func (c *conn) Write(b []byte) (int, error) {
	if !c.spoke.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Close also takes a connection off the list that was never read: one past the server's
// limit.
func (c *conn) Close() error {
	c.waiting.remove(c.Conn)
	if c.unread.Load() {
		linger(c.Conn)
	}
	return c.Conn.Close()
}
