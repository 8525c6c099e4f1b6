package netlimit

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"wolgate/internal/logs"
	"wolgate/internal/ratelimit"
)

// Limits are how many connections may be open at a time.
//
// Once Total is reached, by many sources that each keep within PerSource, every new
// connection is closed: the listener cannot know which of the open ones deserves its
// place less. The server's own timeouts, which must be set, free the places of silent
// or slow clients and so decide how long such an attack is felt. PerSource keeps one
// source from doing it alone, so it must be well below Total. An attacker with enough
// sources that keep asking is a matter for a firewall.
//
// Behind a NAT, such as that of a container's published port, all clients are one
// source, and PerSource must be as large as Total, or 0.
type Limits struct {
	Total     int // of all; 0 admits none
	PerSource int // of one ratelimit.Source, which Unix peers do not have; 0 means no such limit
	// Exempt from PerSource are peers that stand for many, such as reverse proxies.
	Exempt []netip.Prefix
}

// retryPause is the time between two tries to accept while the kernel has no
// descriptor or memory to spare.
const retryPause = 10 * time.Millisecond

// Wrap returns a listener that keeps within limits: a connection beyond them is closed
// at once and not returned. Close leaves connections open.
//
// Its Accept tries again when the kernel could not return one connection. net/http does
// that too, but fasthttp calls EMFILE permanent, and its server ends for good.
func Wrap(l net.Listener, limits Limits, log *slog.Logger) net.Listener {
	return &listener{
		Listener: l, limits: limits, log: log, sources: map[netip.Prefix]int{},
		failed: logs.Ration{PerSecond: 1}, overTotal: logs.Ration{PerSecond: 1}, overSource: logs.Ration{PerSecond: 1},
	}
}

type listener struct {
	net.Listener
	limits Limits
	log    *slog.Logger

	failed, overTotal, overSource logs.Ration // of log lines

	mu      sync.Mutex
	total   int
	sources map[netip.Prefix]int // those that have a connection open
}

// Accept returns the next connection within the limits.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			source := l.sourceOf(c)
			if l.take(source) {
				return &conn{Conn: c, giveBack: func() { l.giveBack(source) }}, nil
			}
			abort(c)
		case transient(err):
			l.failed.Warn(l.log, "no connection can be accepted", "err", err,
				"hint", "retrying; for too many open files, raise RLIMIT_NOFILE or allow fewer connections")
			time.Sleep(retryPause)
		default:
			return nil, err
		}
	}
}

// take takes a place if there is one. The source is checked first, so that the log
// names the one that has too many.
func (l *listener) take(source netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limits.PerSource > 0 && source.IsValid() && l.sources[source] >= l.limits.PerSource {
		l.overSource.Warn(l.log, "connections refused", "source", source, "hint", "connection limit of one source reached")
		return false
	}
	if l.total >= l.limits.Total {
		l.overTotal.Warn(l.log, "connections refused", "hint", "connection limit reached")
		return false
	}
	l.total++
	l.sources[source]++
	return true
}

func (l *listener) giveBack(source netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.sources[source]--; l.sources[source] == 0 {
		delete(l.sources, source)
	}
}

// sourceOf returns where a connection comes from, or the zero Prefix if it is not
// counted by source: the peer is exempt or has no IP address.
func (l *listener) sourceOf(c net.Conn) netip.Prefix {
	peer, ok := c.RemoteAddr().(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.Prefix{}
	}
	addr := peer.AddrPort().Addr().Unmap().WithZone("")
	if slices.ContainsFunc(l.limits.Exempt, func(e netip.Prefix) bool { return e.Contains(addr) }) {
		return netip.Prefix{}
	}
	return ratelimit.Source(addr)
}

// conn gives its place back when it is closed.
type conn struct {
	net.Conn
	once     sync.Once
	giveBack func()
}

// Close may be called any number of times. The descriptor goes first: there are never
// more of them than places.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.giveBack)
	return err
}

// CloseWrite says that nothing more will be sent (shutdown(2)). net/http uses it after
// refusing a request, so that its answer is read before the rest of the request makes
// the kernel send a reset (RFC 9112 section 9.6).
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// abort closes a connection so that nothing of it stays. With SO_LINGER at zero
// (socket(7)) close(2) answers with a reset (RFC 9293 section 3.10.5), and the
// kernel forgets the connection: an orderly end would leave it in TIME_WAIT for
// a minute, and refused clients could fill the kernel's table instead of ours.
func abort(c net.Conn) {
	if tcp, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0) // it fails if the peer was faster
	}
	_ = c.Close()
}

// transient reports whether an error of accept(2) is no reason to stop accepting. Out
// of descriptors or memory, the kernel leaves the connection in the queue, and sooner
// or later something is closed. The others are about the one connection that would have
// been returned: a firewall forbids it, its client is gone, or the network has already
// failed on it, which Linux reports as an error of accept and accept(2) asks to treat
// like EAGAIN.
func transient(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains([]syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO, syscall.ENOPROTOOPT,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENONET,
	}, errno)
}
