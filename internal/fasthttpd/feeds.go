package fasthttpd

import (
	"net"

	"github.com/valyala/fasthttp"
)

// feeds looks for a bare line feed in the head of a request. fasthttp takes one for the end of
// the request line and keeps no trace of it, and after one at the end of a head it waits for
// more, until the time for reading is over.
type feeds struct {
	expected bool // the next byte is the first of a request
	inside   bool // what arrives is the head
	begun    bool // a byte of the request line has arrived; empty lines before it are allowed (RFC 9112 section 2.2)
	line     int  // bytes of this line so far
	last     byte
}

// bare returns where the first bare line feed is in b, which has just arrived, or -1.
func (f *feeds) bare(b []byte) int {
	if f.expected {
		*f = feeds{inside: true}
	}
	for i := 0; i < len(b) && f.inside; i++ {
		switch {
		case b[i] != '\n':
			f.line++
			f.begun = f.begun || b[i] != '\r'
		case f.last != '\r':
			return i
		default:
			f.inside = f.line > 1 || !f.begun // up to the empty line
			f.line = 0
		}
		f.last = b[i]
	}
	return -1
}

// RefuseBareLineFeeds has s refuse a head that holds a bare line feed, as soon as it arrives.
// A request that arrives in one piece with the end of the one before it is not looked at
// here; of those, Ambiguous finds the bare line feeds in headers.
func RefuseBareLineFeeds(s *fasthttp.Server) {
	s.ConnState = func(c net.Conn, state fasthttp.ConnState) {
		ours, ok := c.(*conn)
		switch {
		case !ok:
		case state == fasthttp.StateIdle:
			ours.feeds = feeds{expected: true}
		case state == fasthttp.StateActive && ours.spoke.Load(): // its first bytes have been read
			ours.feeds.expected = false
		}
	}
}
