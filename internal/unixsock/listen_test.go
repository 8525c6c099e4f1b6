package unixsock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/unixsock"
)

// TestModeIsNeverLooser makes 21,000 starts.
func TestModeIsNeverLooser(t *testing.T) {
	t.Parallel()
	neverLooser(t, 7000)
}

// neverLooser starts so often under each umask, and looks at the socket all the time.
func neverLooser(t *testing.T, starts int) {
	for _, umask := range []string{"000", "022", "077"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tempDir(t), "s")
			p := startPuppet(t, nil)
			p.obey(t, "umask "+umask)
			modes := p.do(t, fmt.Sprint("modes ", starts, " ", path))
			if !strings.HasSuffix(modes, "0660") {
				t.Fatalf("saw %q, which does not end in 0660", modes)
			}
			for mode := range strings.FieldsSeq(modes) {
				if bits, err := strconv.ParseUint(mode, 8, 32); err != nil || bits&^0o660 != 0 {
					t.Errorf("the socket was once %s (%v)", mode, err)
				}
			}
			t.Logf("umask %s: %s", umask, modes)
		})
	}
}

func TestListenMakesOneDirectory(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "077"} {
		root := tempDir(t)
		dir := filepath.Join(root, "run")
		path := filepath.Join(dir, "s")
		p := startPuppet(t, nil)
		p.obey(t, "umask "+umask)
		inherited := p.do(t, "leaks")
		p.obey(t, "listen "+path)
		for name, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o750, path: fs.ModeSocket | 0o660, path + ".lock": 0o600} {
			if got := lstat(t, name).Mode(); got != want {
				t.Errorf("umask %s: %s is %s, want %s", umask, name, got, want)
			}
		}
		if leaks := p.do(t, "leaks"); leaks != inherited {
			t.Errorf("a child would inherit %s, and before it was %s", leaks, inherited)
		}
		// An existing directory stays as it is, and none is made above one.
		must(t, os.Chmod(dir, 0o711))
		listen(t, filepath.Join(dir, "another"))
		if got := lstat(t, dir).Mode().Perm(); got != 0o711 {
			t.Errorf("the directory became %o", got)
		}
		if _, err := unixsock.Listen(filepath.Join(root, "a/b/s"), nil, quiet()); err == nil || !strings.Contains(err.Error(), "make this directory") {
			t.Errorf("two levels missing: %v", err)
		}
		absent(t, filepath.Join(root, "a"))
	}
}

func TestListenRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sized := func(n int) string { return dir + "/" + strings.Repeat("x", n-len(dir)-1) }
	for path, text := range map[string]string{
		sized(108): "108 bytes, and the limit is 107", sized(200): "200 bytes, and the limit is 107",
		"": "choose the path of a file", "@wol": "choose the path of a file", dir + "/s\x00t": "choose the path of a file",
	} {
		_, err := unixsock.Listen(path, nil, quiet())
		if err == nil || !strings.Contains(err.Error(), text) || errors.Is(err, unixsock.ErrPathTooLong) != (len(path) > 107) {
			t.Errorf("%q: got %v, want it to say %q", path, err, text)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("a refused path left %v, %v", entries, err)
	}
	serves(t, listen(t, sized(107)), sized(107))
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	p := startPuppet(t, nil)
	p.obey(t, "listen "+path)
	stale := lstat(t, path)
	if _, err := unixsock.Listen(path, nil, quiet()); !errors.Is(err, unixsock.ErrInUse) {
		t.Fatalf("while it lives: got %v, want ErrInUse", err)
	}
	p.kill(t)
	if !os.SameFile(stale, lstat(t, path)) {
		t.Fatal("the killed process left no socket, so this proves nothing")
	}
	serves(t, listen(t, path), path)
}

// TestListenLeavesALiveSocketAlone has sockets that somebody serves, or may serve.
func TestListenLeavesALiveSocketAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plant func(t *testing.T, path string)
		want  error
	}{
		"ours": {func(t *testing.T, path string) { listen(t, path) }, unixsock.ErrInUse},
		"ours, lock file removed": {func(t *testing.T, path string) {
			listen(t, path)
			must(t, os.Remove(path+".lock"))
		}, unixsock.ErrInUse},
		"a stranger's":  {func(t *testing.T, path string) { stranger(t, "unix", path) }, unixsock.ErrInUse},
		"a busy one's":  {fullBacklog, unixsock.ErrInUse}, // it does not answer the probe, and lives
		"of other type": {func(t *testing.T, path string) { stranger(t, "unixpacket", path) }, syscall.EPROTOTYPE},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tempDir(t), "s")
			tt.plant(t, path)
			before := lstat(t, path)
			_, err := unixsock.Listen(path, nil, quiet())
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), path) || tt.want == unixsock.ErrInUse && !strings.Contains(err.Error(), "another --socket") {
				t.Errorf("got %v, want %v, the path and the cure", err, tt.want)
			}
			if !os.SameFile(before, lstat(t, path)) {
				t.Error("the live socket was replaced")
			}
		})
	}
}

// fullBacklog leaves a socket that can take no more connections.
func fullBacklog(t *testing.T, path string) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	must(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0))
	for range 10 {
		conn, err := unixsock.Dialer(path)(t.Context(), "", "")
		if errors.Is(err, syscall.EAGAIN) {
			return
		}
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the backlog does not fill, so this proves nothing")
}

// TestListenAsAnotherUser meets a socket and a lock that it may not open, where the
// tester is root; elsewhere the tester takes the permission from himself.
func TestListenAsAnotherUser(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	socket, locked := filepath.Join(dir, "socket"), filepath.Join(dir, "locked")
	stranger(t, "unix", socket)
	must(t, os.Chmod(socket, 0), os.WriteFile(locked+".lock", nil, 0o400), os.Chmod(locked+".lock", 0), os.Chmod(dir, 0o777))
	before := lstat(t, socket)
	p := startPuppet(t, func(cmd *exec.Cmd) { asOther(cmd) })
	if answer := p.do(t, "listen "+socket); !strings.Contains(answer, "probe") || !strings.Contains(answer, "permission denied") {
		t.Errorf("got %q, want a refused probe", answer)
	}
	if !os.SameFile(before, lstat(t, socket)) {
		t.Error("the socket was replaced")
	}
	if answer := p.do(t, "listen "+locked); !strings.Contains(answer, "permission denied: give the directory") {
		t.Errorf("got %q, want the cure", answer)
	}
	absent(t, locked)
}

func TestListenLeavesForeignThingsAlone(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(t *testing.T, path string) error{
		"file":      func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"directory": func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"fifo":      func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) },
		"symlink to a stale socket": func(t *testing.T, path string) error {
			plantStale(t, path+".to")
			return os.Symlink(path+".to", path)
		},
		"symlink to a live socket": func(t *testing.T, path string) error {
			stranger(t, "unix", path+".to")
			return os.Symlink(path+".to", path)
		},
		"dangling symlink": func(_ *testing.T, path string) error { return os.Symlink(path+".to", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			path := filepath.Join(dir, "s")
			must(t, plant(t, path))
			before := snapshot(t, dir)
			_, err := unixsock.Listen(path, nil, quiet())
			if !errors.Is(err, unixsock.ErrNotSocket) || !strings.Contains(err.Error(), "remove it yourself") {
				t.Errorf("got %v, want ErrNotSocket and the cure", err)
			}
			if after := snapshot(t, dir); after != before { // nor is there a lock
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			must(t, os.Remove(path))
			serves(t, listen(t, path), path)
		})
	}
}

// snapshot lists what is in dir. Whatever changes a file changes its ctime.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var text strings.Builder
	for _, entry := range entries {
		st := lstat(t, filepath.Join(dir, entry.Name())).Sys().(*syscall.Stat_t)
		fmt.Fprintln(&text, entry.Name(), st.Ino, st.Mode, st.Nlink, st.Size, st.Ctim)
	}
	return text.String()
}

func TestLockIsNotASymlink(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	must(t, os.Symlink(filepath.Join(dir, "victim"), path+".lock"))
	if _, err := unixsock.Listen(path, nil, quiet()); !errors.Is(err, syscall.ELOOP) || !strings.Contains(err.Error(), "remove this symbolic link") {
		t.Errorf("got %v, want ELOOP and the cure", err)
	}
	absent(t, filepath.Join(dir, "victim"))
	absent(t, path)
}

func TestOneOwnerOfManyStarters(t *testing.T) {
	t.Parallel()
	const starters, rounds = 16, 200
	path := filepath.Join(tempDir(t), "s")
	puppets := make([]*puppet, starters)
	for i := range puppets {
		puppets[i] = startPuppet(t, nil)
	}
	for round := range rounds {
		if round%2 == 0 { // the case in which starters used to rob each other
			plantStale(t, path)
		}
		for _, p := range puppets {
			p.tell(t, "listen "+path)
		}
		owners := []*puppet{}
		for _, p := range puppets {
			switch answer := p.hear(t); answer {
			case "ok":
				owners = append(owners, p)
			case "in use":
			default:
				t.Errorf("round %d: %s", round, answer)
			}
		}
		if len(owners) != 1 {
			t.Fatalf("round %d: %d owners", round, len(owners))
		}
		owners[0].tell(t, "greet")
		if answer := dial(path); answer != "admitted" {
			t.Fatalf("round %d: the owner does not serve: %s", round, answer)
		}
		owners[0].hear(t)
		owners[0].obey(t, "close")
		absent(t, path)
	}
}

func TestCloseRemovesItsOwnSocketOnly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meddle func(t *testing.T, path string) error
		stays  bool
	}{
		"untouched": {func(*testing.T, string) error { return nil }, false},
		"gone":      {func(_ *testing.T, path string) error { return os.Remove(path) }, false},
		"replaced by a socket": {func(t *testing.T, path string) error {
			err := os.Remove(path)
			stranger(t, "unix", path)
			return err
		}, true},
		"replaced by a file": {func(_ *testing.T, path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, []byte("precious"), 0o600))
		}, true},
		"directory replaced": {func(t *testing.T, path string) error {
			dir := filepath.Dir(path)
			err := errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
			stranger(t, "unix", path)
			return err
		}, true},
		"directory gone": {func(_ *testing.T, path string) error { return os.RemoveAll(filepath.Dir(path)) }, false},
	} {
		path := filepath.Join(tempDir(t), "d", "s")
		l := listen(t, path)
		must(t, tt.meddle(t, path))
		before, _ := os.Lstat(path)
		for range 2 {
			if err := l.Close(); err != nil {
				t.Errorf("%s: Close: %v", name, err)
			}
		}
		if !tt.stays {
			absent(t, path)
		} else if !os.SameFile(before, lstat(t, path)) {
			t.Errorf("%s: Close removed what is not its own", name)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Accept after Close: %v", name, err)
		}
	}
}

// A child that is being started holds a copy of every descriptor for a moment.
func TestCloseGivesTheLockBackInSpiteOfCopies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	l := listen(t, path)
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	copied := false
	for _, entry := range entries {
		if target, _ := os.Readlink("/proc/self/fd/" + entry.Name()); target == path+".lock" {
			fd, err := strconv.Atoi(entry.Name())
			must(t, err)
			duplicate, err := syscall.Dup(fd)
			must(t, err)
			defer syscall.Close(duplicate)
			copied = true
		}
	}
	if !copied {
		t.Fatal("the lock is not open, so this proves nothing")
	}
	lock := lstat(t, path+".lock")
	must(t, l.Close())
	serves(t, listen(t, path), path)
	if !os.SameFile(lock, lstat(t, path+".lock")) {
		t.Error("the lock file was replaced")
	}
}
