package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Keep looks once a second, until ctx ends, whether the socket is still at its path. After
// it is gone or replaced no new client can connect, and the kernel does not report it. It
// is made anew as Listen makes it, as soon as that can be done; the path
// of a socket from systemd is left to systemd. The log has a line when the socket is lost
// and when it is back.
func (l *Listener) Keep(ctx context.Context) {
	tick := time.NewTicker(l.pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.keep()
		}
	}
}

// Lost returns why no client can connect, as Keep has found, or nil.
func (l *Listener) Lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *Listener) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	gone := l.look()
	err := gone
	if isGone(gone) {
		err = l.anew(gone)
	}
	switch {
	case err != nil && l.lost == nil:
		l.log.Error("the socket is gone from its path: no client can connect", "socket", l.path, "err", err)
	case err == nil && (gone != nil || l.lost != nil):
		l.log.Warn("the socket was gone from its path and is there again", "socket", l.path)
	}
	l.lost = err
}

// errReplaced is what look finds where something else is at the path of the socket.
var errReplaced = errors.New("another file is in its place")

// isGone reports whether an error of look means that no client can reach the socket. Others,
// such as a directory that may not be entered for a while, leave it as it is.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errReplaced)
}

// look returns nil if the socket is at its path.
func (l *Listener) look() error {
	now, err := os.Lstat(l.path)
	if err == nil && !os.SameFile(now, l.node) {
		err = errReplaced
	}
	return err
}

// anew gives everything back and makes the socket again: with the lock of a directory
// that was replaced, it would keep nobody else from doing so.
func (l *Listener) anew(gone error) error {
	if l.systemds {
		return fmt.Errorf("%w: run systemctl restart wol-server.socket wol-server", gone)
	}
	if l.unix != nil {
		_ = l.release() // what is gone cannot be removed
		l.unix, l.node = nil, nil
	}
	err := l.listen()
	l.changed.Broadcast()
	return err
}
