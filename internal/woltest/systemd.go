package woltest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Systemd is what a program finds that systemd has started with Type=notify and a
// watchdog of one second: sd_notify(3).
type Systemd struct{ conn *net.UnixConn }

// ListenSystemd opens the socket until the test ends.
func ListenSystemd(t testing.TB) *Systemd {
	t.Helper()
	name := filepath.Join(filepath.Dir(SocketPath(t)), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Systemd{conn}
}

// Getenv is the environment that the program is given.
func (s *Systemd) Getenv(name string) string {
	return map[string]string{"NOTIFY_SOCKET": s.conn.LocalAddr().String(), "WATCHDOG_USEC": "1000000"}[name]
}

// Told fails the test unless this is the next that systemd is told. Signs of life may come
// before it, four a second.
func (s *Systemd) Told(t testing.TB, want string) {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	const alive = "WATCHDOG=1"
	b := make([]byte, 100)
	for {
		n, err := s.conn.Read(b)
		if got := string(b[:n]); err != nil || got != want && got != alive {
			t.Fatalf("systemd was told %q (%v), want %q", got, err, want)
		} else if got == want {
			return
		}
	}
}

// Silent reports whether systemd is told nothing for so long.
func (s *Systemd) Silent(t testing.TB, span time.Duration) bool {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(span)); err != nil {
		t.Fatal(err)
	}
	_, err := s.conn.Read(make([]byte, 100))
	return errors.Is(err, os.ErrDeadlineExceeded)
}
