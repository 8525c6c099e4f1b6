package fasthttpd

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection of a client.
type conn struct {
	net.Conn
	waiting *Waiting
	write   time.Duration // for each piece of an answer
	once    sync.Once
	spoke   atomic.Bool // something has arrived
	unread  atomic.Bool // a body has been refused
	feeds   feeds
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

// Read takes the connection off the list at its first bytes, or its end. It fails at a bare
// line feed in a head.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.spoke.Store(true)
	}
	c.once.Do(func() { c.waiting.remove(c.Conn) })
	if i := c.feeds.bare(b[:n]); i >= 0 {
		return i, errors.New("a bare line feed in the head")
	}
	return n, err
}

// piece is how much of an answer a client has to take within the time for writing. A
// deadline for the whole would cut off a client that reads steadily over a slow line.
const piece = 16 << 10

// Write drops what is said to a client that has asked nothing. fasthttp says 408 when a
// connection has been silent for too long; a client that opened it in advance, as
// browsers do, would take that for the answer to the request that it is about to make.
func (c *conn) Write(b []byte) (n int, err error) {
	if !c.spoke.Load() {
		return len(b), nil
	}
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(b[n:min(len(b), n+piece)])
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
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
