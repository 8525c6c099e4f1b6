package gateway

import (
	"io"
	"net"
	"time"
)

// A body that is refused unread is still on its way. close(2) with data that nobody
// has read answers with a reset (RFC 9112 section 9.6), and most clients, once
// their writing has failed, read no answer any more: they would never be told that
// the body is too large. So the end waits for theirs, for a while.
const (
	lingerTime  = time.Second
	lingerBytes = 1 << 20
)

func linger(c net.Conn) {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c, lingerBytes) // any end will do
}
