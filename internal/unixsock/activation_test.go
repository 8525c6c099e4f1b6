package unixsock_test

import (
	"fmt"
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

// descriptor returns a copy of the socket's descriptor, which the caller owns.
func descriptor(t *testing.T, socket interface{ File() (*os.File, error) }) int {
	t.Helper()
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestActivatedReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	const pid = 4711
	for name, tt := range map[string]struct {
		pid, fds string
		text     string // of the error; empty means that nothing was passed
	}{
		"unset":           {"", "", ""},
		"pid only":        {"4711", "", ""},
		"count only":      {"", "1", ""},
		"another process": {"4712", "1", ""},
		"another's two":   {"4712", "2", ""},
		"no number":       {"self", "1", "not a process id"},
		"none":            {"4711", "0", "keep one ListenStream="},
		"two":             {"4711", "2", "keep one ListenStream="},
		"nonsense":        {"4711", "one", "keep one ListenStream="},
		"descriptor shut": {"4711", "1", "was not passed"},
	} {
		env := map[string]string{"LISTEN_PID": tt.pid, "LISTEN_FDS": tt.fds}
		l, err := unixsock.ActivatedAs(func(name string) string { return env[name] }, pid, 1<<20)
		if l != nil || (err == nil) != (tt.text == "") {
			t.Errorf("%s: got %v, %v", name, l, err)
		}
		if err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want it to say %q", name, err, tt.text)
		}
	}
}

func TestActivatedTakesAListeningStreamSocketOnly(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	type filer interface{ File() (*os.File, error) }
	for name, tt := range map[string]struct {
		open func(t *testing.T) filer
		text string
	}{
		"stream": {func(t *testing.T) filer { return stranger(t, "unix", dir+"/stream").(*net.UnixListener) }, ""},
		"packet": {func(t *testing.T) filer { return stranger(t, "unixpacket", dir+"/packet").(*net.UnixListener) }, "Accept=no"},
		"tcp":    {func(t *testing.T) filer { return stranger(t, "tcp", "127.0.0.1:0").(*net.TCPListener) }, "Accept=no"},
		"datagram": {func(t *testing.T) filer {
			conn, err := net.ListenPacket("unixgram", dir+"/datagram")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn.(*net.UnixConn)
		}, "Accept=no"},
		"connected": {func(t *testing.T) filer {
			stranger(t, "unix", dir+"/connected")
			conn, err := net.Dial("unix", dir+"/connected")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn.(*net.UnixConn)
		}, "Accept=no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fd := descriptor(t, tt.open(t))
			env := map[string]string{"LISTEN_PID": "4711", "LISTEN_FDS": "1"}
			l, err := unixsock.ActivatedAs(func(name string) string { return env[name] }, 4711, fd)
			if tt.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				serves(t, l, dir+"/stream")
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if l != nil || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, %v; want it to say %q", l, err, tt.text)
			}
			// What is not ours stays open.
			if err := syscall.Close(fd); err != nil {
				t.Errorf("the descriptor was closed: %v", err)
			}
		})
	}
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		file, err := os.Create(filepath.Join(dir, "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		env := map[string]string{"LISTEN_PID": "4711", "LISTEN_FDS": "1"}
		l, err := unixsock.ActivatedAs(func(name string) string { return env[name] }, 4711, int(file.Fd()))
		if l != nil || err == nil || !strings.Contains(err.Error(), "socket operation on non-socket") {
			t.Errorf("got %v, %v; want ENOTSOCK", l, err)
		}
	})
}

// copies counts the descriptors of a process that are the socket.
func copies(t *testing.T, pid int, socket string) int {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
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
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := lstat(t, path)
	socket, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // systemd keeps the socket when the service stops
		p := startPuppet(t, func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, roleVariable+"=activated", "LISTEN_FDS=1")
			cmd.ExtraFiles = []*os.File{file}
		})
		if leaks := p.do(t, "leaks"); !strings.Contains(leaks, socket) {
			t.Fatalf("%s was not passed, only %s", socket, leaks)
		}
		if answer := p.do(t, "activate"); answer != "ok" {
			t.Fatal(answer)
		}
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
		for range 2 {
			if answer := p.do(t, "close"); answer != "ok" {
				t.Error(answer)
			}
		}
		if n := copies(t, p.cmd.Process.Pid, socket); n != 0 {
			t.Errorf("after Close the socket is held %d times", n)
		}
		if !os.SameFile(before, lstat(t, path)) {
			t.Error("Close removed systemd's socket")
		}
	}
}

func TestActivatedWithoutSystemd(t *testing.T) {
	t.Parallel()
	p := startPuppet(t, nil)
	if answer := p.do(t, "activate"); answer != "none" {
		t.Error(answer)
	}
	p = startPuppet(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	})
	if answer := p.do(t, "activate"); answer != "none" {
		t.Errorf("a variable for the parent was obeyed: %s", answer)
	}
}

func TestActivatedWithTwoSockets(t *testing.T) {
	t.Parallel()
	p := startPuppet(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, roleVariable+"=activated", "LISTEN_FDS=2")
	})
	if answer := p.do(t, "activate"); !strings.Contains(answer, "take over socket from systemd: ") {
		t.Errorf("got %q, want an error", answer)
	}
}
