package lantest_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
)

// child says what TestChild is to do in a process that a test has started.
const child = "LANTEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(child) {
	case "without Main":
		os.Exit(m.Run())
	case "without namespaces":
		// The limit is that of this process's own user namespace.
		if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
			fmt.Println("cannot forbid namespaces:", err)
			os.Exit(0)
		}
	case "orphans of root":
		lantest.MainAsRoot(m)
	}
	lantest.Main(m)
}

func TestChild(t *testing.T) {
	switch os.Getenv(child) {
	case "exit":
		os.Exit(3)
	case "wait":
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "wait for a program":
		cmd := lantest.Unprivileged(t, "sh", "-c", "echo ready; exec sleep 60")
		cmd.Stdout = os.Stdout
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		runtime.LockOSThread() // The parent is a thread.
		_ = cmd.Run()
	case "orphans of root":
		lantest.Require(t)
		if os.Getpid() == 1 || os.Getppid() != 1 {
			t.Fatalf("process %d of %d", os.Getpid(), os.Getppid())
		}
		// The first one ends at once and has to be buried, or kill(2) finds it for ever.
		cmd := exec.Command("sh", "-c", "sleep 0 >/dev/null & echo $!; setsid sleep 60 >&2 &")
		cmd.Stderr = os.Stdout
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		for syscall.Kill(pid, 0) == nil {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "panic":
		panic("in the child")
	case "without Main", "without namespaces", "require":
		lantest.Require(t)
		fmt.Println("inside")
	case "packet socket":
		_, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, 0)
		fmt.Println("socket:", err)
	}
}

// start returns a command that runs TestChild in a process that has nothing
// of this one's namespaces but the kernel's view.
func start(t *testing.T, job string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), "LANTEST_OUTSIDE=", "REQUIRE_ALL=", "SKIPPED_LOG=", child+"="+job)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func TestMainPassesTheResultOn(t *testing.T) {
	lantest.Require(t)
	for job, want := range map[string]struct {
		status int
		output string
	}{
		"require": {0, "inside"},
		"exit":    {3, "=== RUN   TestChild"},
		"panic":   {2, "panic: in the child"},
	} {
		cmd := start(t, job)
		output, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want.status || !strings.Contains(string(output), want.output) {
			t.Errorf("%s: status %d, want %d and %q:\n%s", job, got, want.status, want.output, output)
		}
	}
}

func TestMainEndsWithItsParent(t *testing.T) {
	lantest.Require(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		endsWithItsParent(t, "wait", s)
	}
}

// endsWithItsParent sends the outer process a signal and checks that nothing
// that it has started is left.
func endsWithItsParent(t *testing.T, job string, s syscall.Signal) {
	t.Helper()
	cmd := start(t, job)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	lines := bufio.NewReader(r)
	for line := ""; line != "ready\n"; {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if s != syscall.SIGKILL && cmd.ProcessState.ExitCode() != 128+int(s) {
		t.Errorf("%v: status %d", s, cmd.ProcessState.ExitCode())
	}
	// The pipe ends when those inside, who inherited it, have ended too.
	if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Errorf("%v left a process behind: %v", s, err)
	}
}
