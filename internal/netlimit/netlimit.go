// Package netlimit keeps a listener alive and bounded whatever its clients do.
// It is written for Linux.
package netlimit

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits are how many connections may be open at a time.
//
// Where Total is reached, by many sources that each keep within PerSource, every
// newcomer is closed, whoever it is: the listener cannot know which of those
// that are open deserves its place less. The server's own timeouts give back the
// places of what is silent or slow, so they decide how long such an attack is
// felt, and must be set. PerSource is what keeps one source from doing it alone,
// so it must be well below Total. Who has enough sources, and keeps asking on
// each connection, is a matter for a firewall.
//
// Behind a NAT, such as that of a container's published port, all clients are one
// source, and PerSource must be as large as Total, or none.
type Limits struct {
	Total     int // of all; with 0 nobody comes in
	PerSource int // of one ratelimit.Source, which Unix peers have not; 0 means no such limit
	// Exempt from PerSource are peers that stand for many, such as reverse proxies.
	Exempt []netip.Prefix
}

// Wrap returns a listener that hands out at most so many connections of l at a
// time. A connection over a limit is closed at once and not handed out, and what
// is logged of them comes at most once a second, with their number.
//
// Its Accept goes on where the kernel could not hand out one connection, and
// returns no error for it: net/http waits and goes on as well, but fasthttp calls
// EMFILE permanent, and its server ends for good.
//
// Close ends every Accept, also one that is waiting, and each call of it returns
// the result of the first. Connections stay open.
func Wrap(l net.Listener, limits Limits, log *slog.Logger) net.Listener {
	closed := make(chan struct{})
	w := &listener{Listener: l, places: newPlaces(limits), report: &report{log: log}, closed: closed}
	w.close = sync.OnceValue(func() error {
		close(closed)
		err := l.Close()
		w.report.close()
		return err
	})
	return w
}

type listener struct {
	net.Listener
	places *places
	report *report
	closed chan struct{}
	close  func() error
}

// Accept returns the next connection within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.accept()
		if err != nil {
			return nil, err
		}
		source := l.places.sourceOf(c)
		v := l.places.take(source)
		if v == free {
			return &conn{Conn: c, giveBack: sync.OnceFunc(func() { l.places.giveBack(source) })}, nil
		}
		l.report.refused(v, source)
		abort(c)
	}
}

func (l *listener) Close() error { return l.close() }

// accept returns the next connection, whatever the kernel says in between.
func (l *listener) accept() (net.Conn, error) {
	var pause time.Duration
	var s series
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			l.report.recovered(&s)
			return c, nil
		}
		if !passes(err) {
			return nil, err
		}
		l.report.failed(&s, err)
		pause = min(max(5*time.Millisecond, 2*pause), time.Second) // as net/http does
		if !l.wait(pause) {
			return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
		}
	}
}

// wait returns false if the listener was closed meanwhile.
func (l *listener) wait(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.closed:
		return false
	}
}

// abort closes a connection so that nothing of it stays. With SO_LINGER at zero
// (socket(7)) close(2) answers with a reset (RFC 9293 section 3.10.5), and the
// kernel forgets the connection: an orderly end would leave it in TIME_WAIT for
// a minute, and whoever is refused could fill the kernel's table instead of ours.
func abort(c net.Conn) {
	if tcp, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // it fails where the peer was faster
	}
	_ = c.Close()
}
