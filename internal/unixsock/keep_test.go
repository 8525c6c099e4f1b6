package unixsock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wolgate/internal/unixsock"
	"wolgate/internal/woltest"
)

// keep has the listener look every ten milliseconds until the test ends.
func keep(t *testing.T, l *unixsock.Listener) {
	t.Helper()
	l.SetPace(10 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Keep(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// soon fails the test unless something becomes true.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(woltest.Patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", woltest.Patience, what)
		}
	}
}

// TestASocketThatIsGoneIsMadeAnew takes the socket from its path in several ways. Where it
// cannot be made anew the listener says why, and makes it as soon as it can.
func TestASocketThatIsGoneIsMadeAnew(t *testing.T) {
	t.Parallel()
	const above = "/c" // the directory above the socket's
	for name, tt := range map[string]struct {
		take func(t *testing.T, root, path string) error
		lost string // why it cannot be made anew, until
		give func(root, path string) error
	}{
		"removed": {take: func(_ *testing.T, _, path string) error { return os.Remove(path) }},
		"removed with its lock": {take: func(_ *testing.T, _, path string) error {
			return errors.Join(os.Remove(path), os.Remove(path+".lock"))
		}},
		"directory removed": {take: func(_ *testing.T, _, path string) error { return os.RemoveAll(filepath.Dir(path)) }},
		"directory made anew": {take: func(_ *testing.T, _, path string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(path)), os.Mkdir(filepath.Dir(path), 0o700))
		}},
		"replaced by a dead socket": {take: func(t *testing.T, _, path string) error {
			err := os.Remove(path)
			plantStale(t, path)
			return err
		}},
		"replaced by a file": {func(_ *testing.T, _, path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
		}, "remove it yourself", func(_, path string) error { return os.Remove(path) }},
		"directory above moved": {func(_ *testing.T, root, _ string) error {
			return os.Rename(root+above, root+"/away")
		}, "make this directory", func(root, _ string) error { return os.Rename(root+"/away", root+above) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tempDir(t)
			path := filepath.Join(root, above, "d", "s")
			must(t, os.Mkdir(root+above, 0o755))
			var log woltest.Buffer
			l, err := unixsock.Listen(path, nil, slog.New(slog.NewTextHandler(&log, nil)))
			must(t, err)
			greet(t, l)
			must(t, tt.take(t, root, path)) // before it looks, which could be in the middle
			keep(t, l)
			if tt.lost != "" {
				soon(t, "it is lost", func() bool { return l.Lost() != nil })
				if err := l.Lost(); !strings.Contains(err.Error(), tt.lost) || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), tt.lost) {
					t.Errorf("lost: %v; the log says %s", err, log.String())
				}
				must(t, tt.give(root, path))
			}
			soon(t, "a client is admitted", func() bool { return dial(path) == "admitted" })
			soon(t, "the log says so", func() bool { return strings.Contains(log.String(), "there again") })
			if mode := lstat(t, path).Mode(); l.Lost() != nil || mode != os.ModeSocket|0o660 {
				t.Errorf("lost: %v, mode %s", l.Lost(), mode)
			}
			must(t, l.Close())
			absent(t, path)
		})
	}
}

// TestASocketThatAnotherServesIsLost has a second owner take over a path whose socket and
// lock were removed. It is right that it can; the first leaves it alone until it ends.
func TestASocketThatAnotherServesIsLost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	first := listen(t, path)
	must(t, os.Remove(path), os.Remove(path+".lock"))
	second := listen(t, path)
	taken := lstat(t, path)
	keep(t, first)
	soon(t, "it is lost", func() bool { return first.Lost() != nil })
	if err := first.Lost(); !errors.Is(err, unixsock.ErrInUse) || !os.SameFile(taken, lstat(t, path)) {
		t.Errorf("got %v", err)
	}
	must(t, second.Close())
	greet(t, first)
	soon(t, "the first serves again", func() bool { return dial(path) == "admitted" })
}

// TestASocketInADeletedMount has the directory go on the host that was mounted here: in
// it, nothing can be made.
func TestASocketInADeletedMount(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "run")
	must(t, os.Mkdir(dir, 0o755))
	open, err := os.Open(dir)
	must(t, err)
	defer open.Close()
	l := listen(t, fmt.Sprintf("/proc/self/fd/%d/s", open.Fd()))
	must(t, os.RemoveAll(dir), os.Mkdir(dir, 0o755))
	keep(t, l)
	soon(t, "it is lost", func() bool { return l.Lost() != nil })
	if err := l.Lost(); !strings.Contains(err.Error(), "recreate this container") {
		t.Errorf("got %v", err)
	}
	accepted := make(chan error)
	go func() { _, err := l.Accept(); accepted <- err }() // waits for the next socket
	must(t, l.Close())
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

// TestSystemdsSocketIsReportedAndNotMade: its path is systemd's.
func TestSystemdsSocketIsReportedAndNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	file, err := stranger(t, "unix", path).(*net.UnixListener).File()
	must(t, err)
	defer file.Close()
	p := startPuppet(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, roleVariable+"=activated", "LISTEN_FDS=1")
		cmd.ExtraFiles = []*os.File{file}
	})
	p.obey(t, "activate")
	p.obey(t, "keep")
	if lost := p.do(t, "lost"); lost != "ok" {
		t.Fatal(lost)
	}
	must(t, os.Rename(path, path+".away"))
	soon(t, "it is lost", func() bool { return strings.Contains(p.do(t, "lost"), "systemctl restart wol-server.socket") })
	absent(t, path)
	must(t, os.Rename(path+".away", path))
	soon(t, "it is back", func() bool { return p.do(t, "lost") == "ok" })
}
