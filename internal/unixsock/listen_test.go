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

// tempDir is short, because t.TempDir can fill a sun_path by itself.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string, allow ...uint32) *unixsock.Listener {
	t.Helper()
	l, err := unixsock.Listen(path, allow, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// stranger listens the way that a program without our lock does.
func stranger(t *testing.T, network, path string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, path)
	if err != nil {
		t.Fatal(err)
	}
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
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func lstat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// serves says whether l is what answers at path.
func serves(t *testing.T, l net.Listener, path string) {
	t.Helper()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func absent(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there: %v, %v", path, info, err)
	}
}

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
			p.do(t, "umask "+umask)
			modes := p.do(t, fmt.Sprint("modes ", starts, " ", path))
			if !strings.HasSuffix(modes, "0660") {
				t.Fatalf("saw %q, which does not end in 0660", modes)
			}
			for mode := range strings.FieldsSeq(modes) {
				var bits uint32
				if _, err := fmt.Sscanf(mode, "%o", &bits); err != nil || bits&^0o660 != 0 {
					t.Errorf("the socket was once %s (%v)", mode, err)
				}
			}
			t.Logf("umask %s: %s", umask, modes)
		})
	}
}

func TestListenMakesOneDirectory(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "022", "077"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(tempDir(t), "run")
			path := filepath.Join(dir, "s")
			p := startPuppet(t, nil)
			p.do(t, "umask "+umask)
			inherited := p.do(t, "leaks")
			if answer := p.do(t, "listen "+path); answer != "ok" {
				t.Fatal(answer)
			}
			for name, want := range map[string]fs.FileMode{
				dir:            fs.ModeDir | 0o750,
				path:           fs.ModeSocket | 0o660,
				path + ".lock": 0o600,
			} {
				if got := lstat(t, name).Mode(); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
			if leaks := p.do(t, "leaks"); leaks != inherited {
				t.Errorf("a child would inherit %s, and before it was %s", leaks, inherited)
			}
		})
	}
}

func TestListenLeavesAnExistingDirectoryAsItIs(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	listen(t, filepath.Join(dir, "s"))
	if got := lstat(t, dir).Mode().Perm(); got != 0o711 {
		t.Errorf("the directory became %o", got)
	}
}

func TestListenWithoutADirectory(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, text string }{
		"two levels missing": {filepath.Join(root, "a/b/s"), "make this directory"},
		"a file instead":     {filepath.Join(file, "s"), "not a directory"},
		"a file above":       {filepath.Join(file, "b/s"), "not a directory"},
	} {
		if _, err := unixsock.Listen(tt.path, nil, quiet()); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want it to say %q", name, err, tt.text)
		}
	}
	absent(t, filepath.Join(root, "a"))
}

func TestListenRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	sized := func(n int) string { return dir + "/" + strings.Repeat("x", n-len(dir)-1) }
	for name, tt := range map[string]struct {
		path string
		text string
		long bool
	}{
		"108 bytes":     {sized(108), "108 bytes, and the limit is 107", true},
		"200 bytes":     {sized(200), "200 bytes, and the limit is 107", true},
		"empty":         {"", "choose the path of a file", false},
		"abstract name": {"@wol", "choose the path of a file", false},
		"NUL":           {dir + "/s\x00t", "choose the path of a file", false},
	} {
		_, err := unixsock.Listen(tt.path, nil, quiet())
		if err == nil || !strings.Contains(err.Error(), tt.text) || errors.Is(err, unixsock.ErrPathTooLong) != tt.long {
			t.Errorf("%s: got %v, want it to say %q", name, err, tt.text)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("a refused path left %v, %v", entries, err)
	}
	longest := sized(107)
	serves(t, listen(t, longest), longest)
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	p := startPuppet(t, nil)
	if answer := p.do(t, "listen "+path); answer != "ok" {
		t.Fatal(answer)
	}
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

func TestListenLeavesALiveSocketAlone(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]func(t *testing.T, path string) net.Listener{
		"ours": func(t *testing.T, path string) net.Listener { return listen(t, path) },
		"ours, lock file removed": func(t *testing.T, path string) net.Listener {
			l := listen(t, path)
			if err := os.Remove(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			return l
		},
		"a stranger's": func(t *testing.T, path string) net.Listener { return stranger(t, "unix", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tempDir(t), "s")
			l := live(t, path)
			before := lstat(t, path)
			_, err := unixsock.Listen(path, nil, quiet())
			if !errors.Is(err, unixsock.ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another --socket") {
				t.Errorf("got %v, want ErrInUse, the path and the cure", err)
			}
			if !os.SameFile(before, lstat(t, path)) {
				t.Error("the live socket was replaced")
			}
			if name == "a stranger's" {
				conn, err := l.Accept() // the probe
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
			}
			serves(t, l, path)
		})
	}
}

// A program whose backlog is full does not answer the probe, and lives.
func TestListenLeavesABusySocketAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	before := lstat(t, path)
	full := false
	for i := 0; i < 10 && !full; i++ {
		conn, err := unixsock.Dialer(path)(t.Context(), "", "")
		if full = errors.Is(err, syscall.EAGAIN); !full {
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
	}
	if !full {
		t.Fatal("the backlog does not fill, so this proves nothing")
	}
	if _, err := unixsock.Listen(path, nil, quiet()); !errors.Is(err, unixsock.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if !os.SameFile(before, lstat(t, path)) {
		t.Error("the busy socket was replaced")
	}
}

func TestListenLeavesWhatItCannotProbe(t *testing.T) {
	t.Parallel()
	t.Run("other type", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(tempDir(t), "s")
		stranger(t, "unixpacket", path)
		before := lstat(t, path)
		if _, err := unixsock.Listen(path, nil, quiet()); !errors.Is(err, syscall.EPROTOTYPE) {
			t.Errorf("got %v, want EPROTOTYPE", err)
		}
		if !os.SameFile(before, lstat(t, path)) {
			t.Error("the socket was replaced")
		}
	})
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		dir := tempDir(t)
		path := filepath.Join(dir, "s")
		stranger(t, "unix", path)
		if err := errors.Join(os.Chmod(path, 0), os.Chmod(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
		before := lstat(t, path)
		p := startPuppet(t, func(cmd *exec.Cmd) { asOther(cmd) })
		if answer := p.do(t, "listen "+path); !strings.Contains(answer, "permission denied") || !strings.Contains(answer, "probe") {
			t.Errorf("got %q, want a refused probe", answer)
		}
		if !os.SameFile(before, lstat(t, path)) {
			t.Error("the socket was replaced")
		}
	})
}

func TestListenLeavesForeignThingsAlone(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(t *testing.T, path string) error{
		"file":       func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"empty file": func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"directory":  func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"fifo":       func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) },
		"symlink to a stale socket": func(t *testing.T, path string) error {
			plantStale(t, path+".to")
			return os.Symlink(path+".to", path)
		},
		"symlink to a live socket": func(t *testing.T, path string) error {
			stranger(t, "unix", path+".to")
			return os.Symlink(path+".to", path)
		},
		"symlink to a file": func(_ *testing.T, path string) error {
			return errors.Join(os.WriteFile(path+".to", []byte("precious"), 0o600), os.Symlink(path+".to", path))
		},
		"dangling symlink": func(_ *testing.T, path string) error { return os.Symlink(path+".to", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			path := filepath.Join(dir, "s")
			if err := plant(t, path); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, dir)
			_, err := unixsock.Listen(path, nil, quiet())
			if !errors.Is(err, unixsock.ErrNotSocket) || !strings.Contains(err.Error(), "remove it yourself") {
				t.Errorf("got %v, want ErrNotSocket and the cure", err)
			}
			if after := snapshot(t, dir); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			if _, err := os.Lstat(path + ".lock"); err == nil {
				t.Error("the refusal left a lock")
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			serves(t, listen(t, path), path)
		})
	}
}

// snapshot tells what stands in dir, the lock file apart.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		if strings.HasSuffix(name, ".lock") {
			continue
		}
		info := lstat(t, name)
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&text, "%s %s inode %d links %d size %d changed %v", entry.Name(), info.Mode(), st.Ino, st.Nlink, st.Size, st.Ctim)
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(name)
			fmt.Fprintf(&text, " %q %v", content, err)
		}
		if link, err := os.Readlink(name); err == nil {
			fmt.Fprintf(&text, " -> %s", link)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func TestLockIsNotASymlink(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	if err := os.Symlink(filepath.Join(dir, "victim"), path+".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := unixsock.Listen(path, nil, quiet()); !errors.Is(err, syscall.ELOOP) || !strings.Contains(err.Error(), "remove this symbolic link") {
		t.Errorf("got %v, want ELOOP and the cure", err)
	}
	absent(t, filepath.Join(dir, "victim"))
	absent(t, path)
}

func TestLockOfAnotherUser(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	if err := errors.Join(os.WriteFile(path+".lock", nil, 0o400), os.Chmod(path+".lock", 0), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	p := startPuppet(t, func(cmd *exec.Cmd) { asOther(cmd) })
	if answer := p.do(t, "listen "+path); !strings.Contains(answer, "permission denied: give the directory") {
		t.Errorf("got %q, want the cure", answer)
	}
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
		if answer := owners[0].do(t, "close"); answer != "ok" {
			t.Fatal(answer)
		}
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tempDir(t), "d", "s")
			l := listen(t, path)
			if err := tt.meddle(t, path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			for range 3 {
				if err := l.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}
			if !tt.stays {
				absent(t, path)
			} else if !os.SameFile(before, lstat(t, path)) {
				t.Error("Close removed what is not its own")
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept after Close: %v", err)
			}
		})
	}
}

func TestCloseGivesThePathBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	lock := fs.FileInfo(nil)
	for range 100 {
		l := listen(t, path)
		if got := l.Addr(); got.Network() != "unix" || got.String() != path {
			t.Errorf("Addr() = %s %s", got.Network(), got)
		}
		if lock != nil && !os.SameFile(lock, lstat(t, path+".lock")) {
			t.Error("the lock file was replaced")
		}
		lock = lstat(t, path+".lock")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A child that is being started holds a copy of every descriptor for a moment.
func TestCloseGivesTheLockBackInSpiteOfCopies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	l := listen(t, path)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	copied := false
	for _, entry := range entries {
		name := "/proc/self/fd/" + entry.Name()
		if target, _ := os.Readlink(name); target != path+".lock" {
			continue
		}
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		duplicate, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(duplicate)
		copied = true
	}
	if !copied {
		t.Fatal("the lock is not open, so this proves nothing")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	serves(t, listen(t, path), path)
}
