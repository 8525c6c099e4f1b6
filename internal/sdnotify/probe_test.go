package sdnotify

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// check calls Answers as Run does, within limit.
func check(t *testing.T, address net.Addr, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return Answers(address)(ctx)
}

// on calls f with listeners of the kinds that the programs have.
func on(t *testing.T, f func(t *testing.T, l net.Listener)) {
	for network, address := range map[string]string{"tcp": ":0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			f(t, l)
		})
	}
}

func TestAnAnswerIsASignOfLife(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, l net.Listener) {
		asked := make(chan string, 1)
		server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Method + " " + r.Host + r.URL.String()
			w.WriteHeader(http.StatusTeapot) // any answer
		})}
		served := make(chan struct{})
		go func() { _ = server.Serve(l); close(served) }()
		t.Cleanup(func() { _ = server.Close(); <-served })
		if err := check(t, l.Addr(), patience); err != nil {
			t.Error(err)
		}
		if got := <-asked; got != "GET localhost/healthz" {
			t.Errorf("asked %s", got)
		}
	})
}

// TestARefusalIsASignOfLife: each connection is closed at once, over TCP by a reset.
func TestARefusalIsASignOfLife(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, l net.Listener) {
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0)
				}
				_ = conn.Close()
			}
		}()
		for range 100 {
			if err := check(t, l.Addr(), patience); err != nil {
				t.Fatal(err)
			}
		}
		_ = l.Close()
		<-closed
	})
}

// TestSilenceIsDeath: the kernel takes connections in for a program that is stuck.
func TestSilenceIsDeath(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, l net.Listener) {
		start := time.Now()
		err := check(t, l.Addr(), 100*time.Millisecond)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) < 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestAFullBacklogIsNoSignOfLife: for a Unix socket, the kernel says so at once in
// connect(2).
func TestAFullBacklogIsNoSignOfLife(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	address := &net.UnixAddr{Name: path, Net: "unix"}
	for range 2 { // the first takes the one place
		conn, err := net.DialUnix("unix", nil, address)
		if err == nil {
			defer conn.Close()
		} else if !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
	}
	if err := check(t, address, 200*time.Millisecond); err == nil {
		t.Error("a program that accepts no connection counts as alive")
	}
	// As soon as the program goes on, so does the check.
	checked := make(chan error, 1)
	go func() { checked <- check(t, address, patience) }()
	for range 2 {
		conn, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Close(conn)
	}
	if err := <-checked; err != nil {
		t.Error(err)
	}
}
