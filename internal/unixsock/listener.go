package unixsock

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"wolgate/internal/logs"
)

// Listener is a net.Listener on a Unix socket. Where it was made with a list
// of uids, a connection from any other uid is closed and logged before it is handed
// out; without a list, every process that may open the socket may connect.
type Listener struct {
	path     string
	allow    []uint32
	peerUID  func(*net.UnixConn) (uint32, error)
	log      *slog.Logger
	refusals logs.Ration   // a refused peer can try without end
	pace     time.Duration // of Keep
	close    func() error
	systemds bool

	mu      sync.Mutex
	changed sync.Cond         // when unix is set, and at the end
	unix    *net.UnixListener // nil while none can be made
	node    fs.FileInfo       // device and inode of the socket at path
	release func() error      // gives back unix and all that belongs to it
	lost    error             // why nobody finds the socket at path
	closed  bool
}

func newListener(path string, allow []uint32, log *slog.Logger) *Listener {
	l := &Listener{path: path, allow: slices.Clone(allow), peerUID: peerUID, log: log, pace: time.Second}
	l.changed.L = &l.mu
	l.close = sync.OnceValue(l.end)
	return l
}

// Accept returns the next connection of an allowed uid. Its error is never caused by one
// peer: http.Server stops serving at the first that is not temporary.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		unix := l.current()
		if unix == nil {
			return nil, net.ErrClosed
		}
		conn, err := unix.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed): // by Close, or by Keep for another
		case err != nil:
			return nil, err
		case l.admits(conn):
			return conn, nil
		default:
			_ = conn.Close() // nothing was written, so nothing can be lost
		}
	}
}

// current returns the open socket, and waits while there is none. After Close it is nil.
func (l *Listener) current() *net.UnixListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.unix == nil && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil
	}
	return l.unix
}

// Close stops listening and, after Listen, removes the socket from its path unless
// another file has replaced it. Every call returns the result of the first.
func (l *Listener) Close() error { return l.close() }

func (l *Listener) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
	if l.unix == nil {
		return nil
	}
	return l.release()
}

// Addr returns the address of the socket.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *Listener) admits(conn *net.UnixConn) bool {
	if len(l.allow) == 0 {
		return true
	}
	uid, err := l.peerUID(conn)
	if err != nil {
		l.refusals.Warn(l.log, "peer refused", "err", err, "hint", "its uid could not be read, and --allow-uids is set")
		return false
	}
	if !slices.Contains(l.allow, uid) {
		l.refusals.Warn(l.log, "peer refused", "uid", uid, "hint", "add the uid to --allow-uids, or run that program as a user on the list")
		return false
	}
	return true
}

// peerUID returns who connected, as the kernel noted it at connect(2)
// (SO_PEERCRED, unix(7)). The pid beside it may belong to another namespace
// and may be reused by now, so nothing is decided on it.
func peerUID(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if failed != nil {
		return 0, os.NewSyscallError("getsockopt SO_PEERCRED", failed)
	}
	return peer.Uid, nil
}
