package unixsock_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/leak"
	"wolgate/internal/unixsock"
)

// nobody is a uid that is neither root's nor, in a sane place, the tester's.
const nobody = 65534

const roleVariable = "UNIXSOCK_TEST_ROLE"

// TestMain lets the test binary also be the processes that tests start: what a
// umask, a uid, a kill and a descriptor do cannot be seen from within one.
func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		leak.Main(m)
	case "activated": // only now is the pid known that systemd would name
		err := errors.Join(os.Setenv(roleVariable, "puppet"), os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())))
		fmt.Println("error:", errors.Join(err, syscall.Exec("/proc/self/exe", os.Args, os.Environ())))
	default:
		perform(os.Stdin, os.Stdout)
	}
}

// puppet is a child process that obeys one line at a time, and ends with the
// test.
type puppet struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines *bufio.Scanner

	killed bool
}

func startPuppet(t *testing.T, set func(*exec.Cmd)) *puppet {
	t.Helper()
	// By this name another uid may run it as well, whatever the modes above it.
	cmd := exec.Command("/proc/self/exe")
	// The race detector sleeps a second before it lets a process end.
	cmd.Env = append(os.Environ(), roleVariable+"=puppet", "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	if set != nil {
		set(cmd)
	}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &puppet{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && !p.killed {
			t.Errorf("the child process: %v", err)
		}
	})
	return p
}

// kill is kill -9, and returns when the process is gone.
func (p *puppet) kill(t *testing.T) {
	t.Helper()
	p.killed = true
	must(t, p.cmd.Process.Kill())
	_, _ = p.cmd.Process.Wait()
}

// asOther makes the puppet a user who is not the tester, where the tester is
// root, and returns the puppet's uid.
func asOther(cmd *exec.Cmd) uint32 {
	uid := uint32(os.Getuid())
	if uid == 0 {
		uid = nobody
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	return uid
}

func (p *puppet) tell(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintln(p.in, line)
	must(t, err)
}

func (p *puppet) hear(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("the child process ended: %v", p.lines.Err())
	}
	return p.lines.Text()
}

func (p *puppet) do(t *testing.T, line string) string {
	t.Helper()
	p.tell(t, line)
	return p.hear(t)
}

// obey ends the test unless the puppet could do it.
func (p *puppet) obey(t *testing.T, line string) {
	t.Helper()
	if answer := p.do(t, line); answer != "ok" {
		t.Fatalf("%s: %s", line, answer)
	}
}

// perform is the puppet's side.
func perform(in io.Reader, out io.Writer) {
	var l *unixsock.Listener
	for lines := bufio.NewScanner(in); lines.Scan(); {
		verb, argument, _ := strings.Cut(lines.Text(), " ")
		var err error
		answer := "ok"
		switch verb {
		case "umask":
			var mask int64
			mask, err = strconv.ParseInt(argument, 8, 32)
			syscall.Umask(int(mask))
		case "listen":
			l, err = unixsock.Listen(argument, nil, quiet())
		case "activate":
			l, err = unixsock.Activated(os.Getenv, nil, quiet())
			if err == nil && l == nil {
				answer = "none"
			}
		case "mount": // a file system that takes no sockets
			err = syscall.Mount("mqueue", argument, "mqueue", 0, "")
		case "close":
			err = l.Close()
		case "keep":
			l.SetPace(10 * time.Millisecond)
			go l.Keep(context.Background())
		case "lost":
			err = l.Lost()
		case "greet": // one peer
			var conn net.Conn
			if conn, err = l.Accept(); err == nil {
				_, err = conn.Write([]byte(greeting))
				err = errors.Join(err, conn.Close())
			}
		case "dial":
			answer = dial(argument)
		case "modes":
			rounds, path, _ := strings.Cut(argument, " ")
			var n int
			if n, err = strconv.Atoi(rounds); err == nil {
				answer, err = modesSeen(n, path)
			}
		case "leaks":
			answer, err = inheritable()
		}
		if err != nil {
			answer = "error: " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if errors.Is(err, unixsock.ErrInUse) {
			answer = "in use"
		}
		fmt.Fprintln(out, answer)
	}
}

const greeting = "hello"

// dial reports whether a listener at path let us in: it greets those that it admits.
func dial(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := unixsock.Dialer(path)(ctx, "tcp", "wol:80")
	if err != nil {
		return "error: " + err.Error()
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "error: " + err.Error()
	}
	got, err := io.ReadAll(conn)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "silence"
	case string(got) == greeting:
		return "admitted"
	default:
		return "refused"
	}
}

// modesSeen listens and closes many times and returns every mode in which a
// stat in a tight loop met the socket, in octal. It goes on until that loop has
// met it often enough to mean something.
func modesSeen(rounds int, path string) (string, error) {
	const meetings = 2000
	var stop atomic.Bool
	var met atomic.Int64
	seen := make(chan map[uint32]bool)
	go func() {
		modes := map[uint32]bool{}
		for !stop.Load() {
			var st syscall.Stat_t
			if syscall.Lstat(path, &st) == nil {
				modes[st.Mode&0o7777] = true
				met.Add(1)
			}
		}
		seen <- modes
	}()
	var err error
	for round := 0; err == nil && (round < rounds || met.Load() < meetings); round++ {
		err = listenOnce(path)
	}
	stop.Store(true)
	var modes []string
	for mode := range <-seen {
		modes = append(modes, fmt.Sprintf("%04o", mode))
	}
	slices.Sort(modes)
	return strings.Join(modes, " "), err
}

func listenOnce(path string) error {
	l, err := unixsock.Listen(path, nil, quiet())
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode() != os.ModeSocket|0o660 {
		err = fmt.Errorf("the socket ended as %s", info.Mode())
	}
	return errors.Join(err, l.Close())
}

// inheritable lists the descriptors that a program started from here would get.
func inheritable() (string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return "", err
	}
	var list []string
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			return "", err
		}
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 { // an errno is that of ReadDir's own descriptor
			target, err := os.Readlink("/proc/self/fd/" + entry.Name())
			if err != nil {
				return "", err
			}
			list = append(list, entry.Name()+" is "+target)
		}
	}
	return strings.Join(list, ", "), nil
}
