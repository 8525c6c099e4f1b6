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

	"golang.org/x/sys/unix"

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
		text string
	}{
		"live":      {t.Context(), live, nil, ""},
		"absent":    {t.Context(), filepath.Join(dir, "absent"), syscall.ENOENT, dir},
		"no daemon": {t.Context(), stale, syscall.ECONNREFUSED, stale},
		"cancelled": {cancelled, live, context.Canceled, live},
		"expired":   {expired, live, context.DeadlineExceeded, live},
		"too long":  {t.Context(), dir + strings.Repeat("x", 107), unixsock.ErrPathTooLong, dir},
		"abstract":  {t.Context(), "@wol", nil, "choose the path of a file"},
	} {
		conn, err := unixsock.Dialer(tt.path)(tt.ctx, "tcp", "203.0.113.1:80")
		if conn != nil {
			_ = conn.Close()
		}
		if (conn == nil) != (err != nil) || (err == nil) != (tt.text == "") || tt.want != nil && !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, %v, want %v that says %q", name, conn, err, tt.want, tt.text)
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
	must(t, os.Chmod(base, 0o755), os.Mkdir(dir, 0o755))
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
		must(t, os.Chmod(dir, 0o755), os.Chmod(path, tt.socket), os.Chmod(dir, tt.dir))
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
	must(t, os.Chmod(dir, 0o755))
}

// TestDialerKnowsADeletedDirectory removes the directory behind a name that goes on
// leading to it, as a mount does.
func TestDialerKnowsADeletedDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), "run")
	must(t, os.Mkdir(dir, 0o755))
	open, err := os.Open(dir)
	must(t, err)
	defer open.Close()
	path := fmt.Sprintf("/proc/self/fd/%d/s", open.Fd())
	for _, gone := range []bool{false, true} {
		if gone {
			must(t, os.Remove(dir), os.Mkdir(dir, 0o755))
		}
		_, err := unixsock.Dialer(path)(t.Context(), "", "")
		if !errors.Is(err, syscall.ENOENT) || strings.Contains(err.Error(), "recreate this container") != gone {
			t.Errorf("deleted: %t, and the error is %v", gone, err)
		}
	}
}

// TestDialerKnowsADeletedSocket has a name that goes on leading to a socket that another has
// replaced, as a mount of the file does.
func TestDialerKnowsADeletedSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(tempDir(t), "s")
	plantStale(t, socket)
	fd, err := unix.Open(socket, unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	for _, gone := range []bool{false, true} {
		if gone {
			greet(t, listen(t, socket))
		}
		_, err := unixsock.Dialer(fmt.Sprintf("/proc/self/fd/%d", fd))(t.Context(), "", "")
		if !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "mount the directory") != gone {
			t.Errorf("deleted: %t, and the error is %v", gone, err)
		}
	}
}
