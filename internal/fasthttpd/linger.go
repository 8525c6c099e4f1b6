package fasthttpd

import (
	"io"
	"net"
	"time"
)

// A body that is refused unread is still on its way. close(2) with data that was not read
// sends a reset (RFC 9112 section 9.6), and most clients read no answer once their writing
// has failed: they would never learn that the body is too large. So the end waits for
// theirs, within these bounds.
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
