package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// process is one program under way: a real one, or one in this process.
type process struct {
	log  *logLines
	done chan struct{}      // closed when it has ended
	cmd  *exec.Cmd          // of a real one
	stop context.CancelFunc // of one in this process, and
	err  error              // how that has ended
}

func spawn(t testing.TB, name string, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(name, args...))
}

// startFile is spawn with a standard output of the test's own.
func startFile(t testing.TB, stdout *os.File, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdout = stdout
	return startCommand(t, cmd)
}

func startCommand(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p, err := tryCommand(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tryCommand starts a program that ends with the test. It logs to a log of its own,
// unless cmd has another standard error, and inherits nothing but PATH.
func tryCommand(t testing.TB, cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, log: newLog(), done: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = p.log
	}
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, cmd.Env...)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // the state is read from cmd
		close(p.done)
	}()
	t.Cleanup(func() { p.signal(syscall.SIGKILL); <-p.done })
	return p, nil
}

// launch is spawn in this process.
func launch(t testing.TB, run func(context.Context, *logLines) error) *process {
	ctx, stop := context.WithCancel(context.Background())
	p := &process{log: newLog(), done: make(chan struct{}), stop: stop}
	go func() {
		p.err = run(ctx, p.log)
		close(p.done)
	}()
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) pid() string { return strconv.Itoa(p.cmd.Process.Pid) }

// end ends a program of this process, as SIGTERM would, and fails the test if it does
// not end well.
func (p *process) end(t testing.TB) {
	t.Helper()
	p.stop()
	select {
	case <-p.done:
		if p.err != nil {
			t.Errorf("ended with: %v", p.err)
		}
	case <-time.After(woltest.Patience):
		t.Errorf("did not end within %v; log:\n%s", woltest.Patience, p.log)
	}
}

// exit waits for the end of a real one and returns the exit code.
func (p *process) exit(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(woltest.Patience):
		t.Fatalf("%s did not end; log:\n%s", p.cmd.Path, p.log)
		return -1
	}
}

// run runs a program to its end.
func run(t testing.TB, environ []string, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return finish(t, environ, exec.Command(name, args...))
}

func finish(t testing.TB, environ []string, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{"PATH=" + os.Getenv("PATH")}, environ...), &out, &errs
	timer := time.AfterFunc(woltest.Patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code is read from its state
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func descriptors(t testing.TB, pid string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
