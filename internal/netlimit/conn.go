package netlimit

import (
	"errors"
	"net"
	"syscall"
)

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	giveBack func() // works once
}

// Close may be called any number of times, by anyone. The descriptor goes first:
// there are never more of them than places.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.giveBack()
	return err
}

// CloseWrite says that nothing more will be sent (shutdown(2)). net/http asks
// for it after refusing a request, so that its answer is read before the rest
// of the request makes the kernel send a reset (RFC 9112 section 9.6).
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn is the way to the options of the socket, such as SO_PEERCRED.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := c.Conn.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
