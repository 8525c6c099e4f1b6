package unixsock_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"

	"wolgate/internal/unixsock"
)

// must ends the test where the system refuses what the test needs.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// tempDir is short, because t.TempDir can fill a sun_path by itself.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "w")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string, allow ...uint32) *unixsock.Listener {
	t.Helper()
	l, err := unixsock.Listen(path, allow, quiet())
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// stranger listens the way that a program without our lock does.
func stranger(t *testing.T, network, path string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// plantStale leaves a socket as a killed process does. A child that another
// test is just starting must not hold a copy of it, or it would be alive.
func plantStale(t *testing.T, path string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l := stranger(t, "unix", path)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	must(t, l.Close())
}

func lstat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info
}

// serves fails the test unless l answers at path.
func serves(t *testing.T, l net.Listener, path string) {
	t.Helper()
	client, err := net.Dial("unix", path)
	must(t, err)
	defer client.Close()
	conn, err := l.Accept()
	must(t, err)
	_ = conn.Close()
}

func absent(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v, %v", path, info, err)
	}
}

// greet admits peers until l is closed, and fails the test if Accept fails
// before that.
func greet(t *testing.T, l *unixsock.Listener) {
	t.Helper()
	done := make(chan error)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				done <- err
				return
			}
			_, _ = conn.Write([]byte(greeting))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept gave up: %v", err)
		}
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
