package sdnotify_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/netlimit"
	"wolgate/internal/sdnotify"
)

// check asks as Run does, within limit.
func check(t *testing.T, address net.Addr, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return sdnotify.Answers(address)(ctx)
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
			w.WriteHeader(http.StatusTeapot) // whatever it says
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

// TestARefusalIsASignOfLife has somebody hold the only place: newcomers are closed at
// once, over TCP by a reset.
func TestARefusalIsASignOfLife(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, l net.Listener) {
		limited := netlimit.Wrap(l, netlimit.Limits{Total: 1}, slog.New(slog.DiscardHandler))
		accepted := make(chan struct{})
		go func() {
			defer close(accepted)
			for {
				conn, err := limited.Accept()
				if err != nil {
					return
				}
				defer conn.Close() // and nobody answers on it
			}
		}()
		hog, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer hog.Close()
		for range 100 {
			if err := check(t, l.Addr(), patience); err != nil {
				t.Fatal(err)
			}
		}
		_ = limited.Close()
		<-accepted
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

// TestAFullBacklogIsNoSignOfLife: connect(2) says so at once for a Unix socket, and it
// is the kernel that does.
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
		t.Error("a program that takes nobody in counts as alive")
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
