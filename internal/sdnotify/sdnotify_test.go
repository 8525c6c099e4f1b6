package sdnotify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const patience = 10 * time.Second

// environ looks up names and values that follow each other.
func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// systemd is the other end: a real socket.
func systemd(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// hear returns the next datagram, or "" when there was none in time.
func hear(t *testing.T, conn *net.UnixConn, limit time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(b[:n])
}

// run calls Run until stop is called, which returns what was logged.
func run(getenv func(string) string, check func(context.Context) error) (stop func() string) {
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); New(getenv, slog.New(slog.NewTextHandler(&said, nil))).Run(ctx, check) }()
	return func() string { cancel(); <-done; return said.String() }
}

func TestRunSendsReadyAndStopping(t *testing.T) {
	t.Parallel()
	for name, socket := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "s"),
		"abstract": fmt.Sprintf("@wolgate-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := systemd(t, socket)
			stop := run(environ("NOTIFY_SOCKET", socket), func(context.Context) error { t.Error("checked without a watchdog"); return nil })
			got := []string{hear(t, conn, patience), hear(t, conn, 50*time.Millisecond)}
			if said := stop(); said != "" {
				t.Error(said)
			}
			if diff := cmp.Diff([]string{"READY=1", "", "STOPPING=1"}, append(got, hear(t, conn, patience))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunWithoutASystemd(t *testing.T) {
	t.Parallel()
	stop := run(environ("WATCHDOG_USEC", "1000"), func(context.Context) error { t.Error("checked"); return nil })
	time.Sleep(20 * time.Millisecond)
	if said := stop(); said != "" {
		t.Error(said)
	}
	stop = run(environ("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none")), nil)
	if said := stop(); !strings.Contains(said, "READY=1") || !strings.Contains(said, "no such file") {
		t.Errorf("%q does not say what was not sent, and why", said)
	}
}

func TestWatchdogOfTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", strconv.Itoa(os.Getpid()), 30 * time.Second},
		{"30000000", "", 30 * time.Second},
		{"30000000", "1", 0}, // another process
		{"", "", 0},
		{"soon", "", 0},
		{"0", "", 0},
		{"-1", "", 0},
		{"9223372036854775807", "", 0}, // longer than a time.Duration
	} {
		got := New(environ("NOTIFY_SOCKET", "/s", "WATCHDOG_USEC", tt.usec, "WATCHDOG_PID", tt.pid), nil)
		if got.timeout != tt.want || got.socket != "/s" {
			t.Errorf("%+v: got %v", tt, got.timeout)
		}
	}
}

// TestWatchdogIsSilentWhileTheCheckFails, which is logged once, and again after a success.
func TestWatchdogIsSilentWhileTheCheckFails(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	conn := systemd(t, socket)
	verdicts := make(chan error) // closed at the end, from when on the check succeeds
	stop := run(environ("NOTIFY_SOCKET", socket, "WATCHDOG_USEC", "40000"), func(context.Context) error { return <-verdicts })
	if got := hear(t, conn, patience); got != "READY=1" {
		t.Fatalf("got %q", got)
	}
	broken := errors.New("broken")
	for _, verdict := range []error{nil, broken, broken, nil, broken, broken, broken} {
		select {
		case verdicts <- verdict:
		case <-time.After(patience):
			t.Fatal("there is no check")
		}
		want, limit := "", 5*time.Millisecond
		if verdict == nil {
			want, limit = "WATCHDOG=1", patience
		}
		if got := hear(t, conn, limit); got != want {
			t.Errorf("after %v: %q, want %q", verdict, got, want)
		}
	}
	close(verdicts)
	if said := stop(); strings.Count(said, "level=ERROR") != 2 || !strings.Contains(said, "broken") {
		t.Errorf("want a line for each time that it began to fail:\n%s", said)
	}
}

// TestChecksKeepThePace: one success in a whole timeout, or a check that may take as
// long, would come too late now and then, and end a healthy program.
func TestChecksKeepThePace(t *testing.T) {
	t.Parallel()
	getenv := environ("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"), "WATCHDOG_USEC", "30000000")
	synctest.Test(t, func(t *testing.T) {
		start, checks := time.Now(), 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		New(getenv, slog.New(slog.DiscardHandler)).Run(ctx, func(ctx context.Context) error {
			checks++
			if at, want := time.Since(start), time.Duration(checks)*7500*time.Millisecond; at != want {
				t.Errorf("check %d comes after %v, want %v", checks, at, want)
			}
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != 15*time.Second {
				t.Errorf("a check may take until %v, want 15 s", end)
			}
			if checks == 8 {
				cancel()
			}
			return nil
		})
	})
}
