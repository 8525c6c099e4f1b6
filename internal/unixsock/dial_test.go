package unixsock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/unixsock"
)

func TestDialerKeepsTheCause(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	live, stale := filepath.Join(dir, "live"), filepath.Join(dir, "stale")
	greet(t, listen(t, live))
	plantStale(t, stale)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		path string
		want error
	}{
		"live":      {t.Context(), live, nil},
		"absent":    {t.Context(), filepath.Join(dir, "absent"), syscall.ENOENT},
		"no daemon": {t.Context(), stale, syscall.ECONNREFUSED},
		"cancelled": {cancelled, live, context.Canceled},
		"expired":   {expired, live, context.DeadlineExceeded},
		"too long":  {t.Context(), dir + strings.Repeat("x", 107), unixsock.ErrPathTooLong},
	} {
		conn, err := unixsock.Dialer(tt.path)(tt.ctx, "tcp", "203.0.113.1:80")
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		if (conn != nil) != (tt.want == nil) {
			t.Errorf("%s: got the connection %v", name, conn)
		}
		if conn != nil {
			if got := conn.RemoteAddr().String(); got != tt.path {
				t.Errorf("%s: dialled %s", name, got)
			}
			_ = conn.Close()
		}
		if err != nil && !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v does not name the path", name, err)
		}
	}
}

func TestDialerRefusesAbstractNames(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "@wol", "\x00wol"} {
		if _, err := unixsock.Dialer(path)(t.Context(), "", ""); err == nil || !strings.Contains(err.Error(), "choose the path of a file") {
			t.Errorf("%q: got %v, want the cure", path, err)
		}
	}
}

// TestDialerSaysWhoIsKeptOutAndByWhat has another user dial, where the tester is root;
// elsewhere the tester takes the permission from himself.
func TestDialerSaysWhoIsKeptOutAndByWhat(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	dir := filepath.Join(base, "run")
	path := filepath.Join(dir, "s")
	if err := errors.Join(os.Chmod(base, 0o755), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	greet(t, listen(t, path))
	var uid uint32
	p := startPuppet(t, func(cmd *exec.Cmd) { uid = asOther(cmd) })
	for _, tt := range []struct {
		dir, socket fs.FileMode
		says        string // empty = admitted
	}{
		{0o755, 0o666, ""},
		{0o755, 0o440, path + " is Sr--r-----"},
		{0o640, 0o666, dir + " is drw-r-----"},
	} {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, tt.socket), os.Chmod(dir, tt.dir)); err != nil {
			t.Fatal(err)
		}
		got := p.do(t, "dial "+path)
		if tt.says == "" {
			if got != "admitted" {
				t.Error(got)
			}
			continue
		}
		owner := fmt.Sprintf(" of uid %d and gid %d, ", os.Getuid(), os.Getgid())
		for _, words := range []string{"permission denied", tt.says + owner, fmt.Sprintf("this process has uid %d, gid ", uid), "the groups ["} {
			if !strings.Contains(got, words) {
				t.Errorf("directory %o, socket %o: %q does not say %q", tt.dir, tt.socket, got, words)
			}
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDialerKnowsADeletedDirectory removes the directory behind a name that goes on
// leading to it, as a mount does.
func TestDialerKnowsADeletedDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	path := fmt.Sprintf("/proc/self/fd/%d/s", open.Fd())
	const hint = "recreate this container"
	for _, gone := range []bool{false, true} {
		if gone {
			if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o755)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := unixsock.Dialer(path)(t.Context(), "", "")
		if !errors.Is(err, syscall.ENOENT) || strings.Contains(err.Error(), hint) != gone {
			t.Errorf("deleted: %t, and the error is %v", gone, err)
		}
	}
}
