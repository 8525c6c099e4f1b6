package sdnotify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/sdnotify"
)

const patience = 10 * time.Second

// systemd is the other end: a real socket that takes what it is told.
type systemd struct {
	conn *net.UnixConn
	env  map[string]string
}

func listen(t *testing.T, name string, more ...string) *systemd {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &systemd{conn: conn, env: map[string]string{"NOTIFY_SOCKET": name}}
	for pair := range slices.Chunk(more, 2) {
		s.env[pair[0]] = pair[1]
	}
	return s
}

func (s *systemd) getenv(name string) string { return s.env[name] }

// hear returns the next datagram, or "" when there was none in time.
func (s *systemd) hear(t *testing.T, limit time.Duration) string {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, err := s.conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(b[:n])
}

// run calls Run until stop is called, which returns what was logged.
func run(getenv func(string) string, check func(context.Context) error) (stop func() string) {
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); sdnotify.New(getenv, log).Run(ctx, check) }()
	return func() string { cancel(); <-done; return said.String() }
}

func well(context.Context) error { return nil }

func TestRunSaysReadyAndStopping(t *testing.T) {
	t.Parallel()
	for name, socket := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "s"),
		"abstract": fmt.Sprintf("@wolgate-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, socket)
			stop := run(s.getenv, func(context.Context) error { t.Error("nobody asked for a watchdog"); return nil })
			got := []string{s.hear(t, patience), s.hear(t, 200*time.Millisecond)}
			if said := stop(); said != "" {
				t.Error(said)
			}
			if diff := cmp.Diff([]string{"READY=1", "", "STOPPING=1"}, append(got, s.hear(t, patience))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodyAsks(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"WATCHDOG_USEC": "1000"} // without a socket there is nobody to tell
	stop := run(func(name string) string { return environment[name] }, func(context.Context) error { t.Error("checked"); return nil })
	time.Sleep(50 * time.Millisecond)
	if said := stop(); said != "" {
		t.Error(said)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	stop := run(func(name string) string {
		return map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "none")}[name]
	}, well)
	if said := stop(); !strings.Contains(said, "READY=1") || !strings.Contains(said, "no such file") {
		t.Errorf("%q does not say what was not told, and why", said)
	}
}

func TestWatchdog(t *testing.T) {
	t.Parallel()
	pid := strconv.Itoa(os.Getpid())
	for name, tt := range map[string]struct {
		environ []string
		signs   bool
	}{
		"for this process":    {[]string{"WATCHDOG_USEC", "100000", "WATCHDOG_PID", pid}, true},
		"for whoever runs":    {[]string{"WATCHDOG_USEC", "100000"}, true},
		"for another process": {[]string{"WATCHDOG_USEC", "100000", "WATCHDOG_PID", "1"}, false},
		"no number":           {[]string{"WATCHDOG_USEC", "soon"}, false},
		"zero":                {[]string{"WATCHDOG_USEC", "0"}, false},
		"below zero":          {[]string{"WATCHDOG_USEC", "-1"}, false},
		"beyond all bounds":   {[]string{"WATCHDOG_USEC", "9223372036854775807"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, filepath.Join(t.TempDir(), "s"), tt.environ...)
			stop := run(s.getenv, well)
			defer stop()
			if got := s.hear(t, patience); got != "READY=1" {
				t.Fatalf("got %q", got)
			}
			want, limit := "", 300*time.Millisecond
			if tt.signs {
				want, limit = "WATCHDOG=1", patience
			}
			for range 3 {
				if got := s.hear(t, limit); got != want {
					t.Fatalf("got %q, want %q", got, want)
				}
			}
		})
	}
}

// TestWatchdogIsSilentWhileTheCheckFails: and it is told once, again after a recovery.
func TestWatchdogIsSilentWhileTheCheckFails(t *testing.T) {
	t.Parallel()
	s := listen(t, filepath.Join(t.TempDir(), "s"), "WATCHDOG_USEC", "40000")
	verdicts := make(chan error) // closed at the end, from when on it is well
	stop := run(s.getenv, func(context.Context) error { return <-verdicts })
	if got := s.hear(t, patience); got != "READY=1" {
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
		if got := s.hear(t, limit); got != want {
			t.Errorf("after %v: %q, want %q", verdict, got, want)
		}
	}
	close(verdicts)
	if said := stop(); strings.Count(said, "level=ERROR") != 2 || !strings.Contains(said, "broken") {
		t.Errorf("want a line for each time that it began to fail:\n%s", said)
	}
}

// TestRunEndsWithAReaderThatIsGone: as after a crash of systemd, of which the program is
// not the one to die.
func TestRunEndsWithAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	s := listen(t, filepath.Join(t.TempDir(), "s"), "WATCHDOG_USEC", "4000")
	checked := make(chan struct{})
	stop := run(s.getenv, func(ctx context.Context) error {
		select {
		case checked <- struct{}{}:
		case <-ctx.Done():
		}
		return nil
	})
	if got := s.hear(t, patience); got != "READY=1" {
		t.Fatalf("got %q", got)
	}
	_ = s.conn.Close()
	for range 2 { // between the two is a sign
		<-checked
	}
	if said := stop(); !strings.Contains(said, "WATCHDOG=1") {
		t.Errorf("nothing is said of signs that nobody takes: %q", said)
	}
}
