package unixsock_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/unixsock"
)

// activatedAs passes a descriptor to process 4711.
func activatedAs(pid, fds string, fd int) (*net.UnixListener, error) {
	env := map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": fds}
	return unixsock.ActivatedAs(func(name string) string { return env[name] }, 4711, fd)
}

func TestActivatedReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pid, fds string
		text     string // of the error; empty means that nothing was passed
	}{
		"unset":           {"", "", ""},
		"pid only":        {"4711", "", ""},
		"count only":      {"", "1", ""},
		"another process": {"4712", "2", ""},
		"no number":       {"self", "1", "not a process id"},
		"none":            {"4711", "0", "keep one ListenStream="},
		"two":             {"4711", "2", "keep one ListenStream="},
		"nonsense":        {"4711", "one", "keep one ListenStream="},
		"descriptor shut": {"4711", "1", "was not passed"},
	} {
		l, err := activatedAs(tt.pid, tt.fds, 1<<20)
		if l != nil || (err == nil) != (tt.text == "") || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, %v, want it to say %q", name, l, err, tt.text)
		}
	}
}

// TestActivatedRefusesOtherSockets passes what is no listening Unix stream socket.
func TestActivatedRefusesOtherSockets(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	stranger(t, "unix", dir+"/stream")
	connected, err := net.Dial("unix", dir+"/stream")
	must(t, err)
	defer connected.Close()
	regular, err := os.Create(dir + "/file")
	must(t, err)
	defer regular.Close()
	file := func(socket any) *os.File {
		f, err := socket.(interface{ File() (*os.File, error) }).File()
		must(t, err)
		return f
	}
	for name, passed := range map[string]*os.File{
		"packet": file(stranger(t, "unixpacket", dir+"/packet")), "tcp": file(stranger(t, "tcp", "127.0.0.1:0")),
		"connected": file(connected), "file": regular,
	} {
		want := "Accept=no"
		if name == "file" {
			want = "socket operation on non-socket"
		}
		if l, err := activatedAs("4711", "1", int(passed.Fd())); l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want it to say %q", name, l, err, want)
		}
		if _, err := passed.Stat(); err != nil { // what is not ours stays open
			t.Errorf("%s: the descriptor was closed: %v", name, err)
		}
		_ = passed.Close()
	}
}

// copies counts the descriptors of a process that are the socket.
func copies(t *testing.T, pid int, socket string) (n int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range entries {
		if target, _ := os.Readlink(dir + entry.Name()); target == socket {
			n++
		}
	}
	return n
}

func TestActivatedForReal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	systemd := stranger(t, "unix", path).(*net.UnixListener)
	systemd.SetUnlinkOnClose(false)
	file, err := systemd.File()
	must(t, err)
	defer file.Close()
	before := lstat(t, path)
	socket, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	must(t, err)
	for range 2 { // systemd keeps the socket when the service stops
		p := startPuppet(t, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, roleVariable+"=activated", "LISTEN_FDS=1")
			cmd.ExtraFiles = []*os.File{file}
		})
		if leaks := p.do(t, "leaks"); !strings.Contains(leaks, socket) {
			t.Fatalf("%s was not passed, only %s", socket, leaks)
		}
		p.obey(t, "activate")
		if leaks := p.do(t, "leaks"); strings.Contains(leaks, socket) {
			t.Errorf("a child would inherit %s", leaks)
		}
		if n := copies(t, p.cmd.Process.Pid, socket); n != 1 {
			t.Errorf("the socket is held %d times", n)
		}
		p.tell(t, "greet")
		if got := dial(path); got != "admitted" {
			t.Error(got)
		}
		p.hear(t)
		p.obey(t, "close")
		if n := copies(t, p.cmd.Process.Pid, socket); n != 0 {
			t.Errorf("after Close the socket is held %d times", n)
		}
		if !os.SameFile(before, lstat(t, path)) {
			t.Error("Close removed systemd's socket")
		}
	}
	p := startPuppet(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "LISTEN_FDS=1", fmt.Sprint("LISTEN_PID=", syscall.Getpid()))
	})
	if answer := p.do(t, "activate"); answer != "none" {
		t.Errorf("a variable for the parent was obeyed: %s", answer)
	}
}
