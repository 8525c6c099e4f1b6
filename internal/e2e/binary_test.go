package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// process is one real program under way.
type process struct {
	cmd  *exec.Cmd
	log  *logLines
	done chan struct{} // closed when it has ended
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
	p := &process{cmd: cmd, log: newLog(), done: make(chan struct{})}
	p.cmd.Stderr = p.log
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state is read from cmd
		close(p.done)
	}()
	t.Cleanup(func() { p.signal(syscall.SIGKILL); <-p.done })
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) pid() string { return strconv.Itoa(p.cmd.Process.Pid) }

// exit waits for the end and returns the exit code.
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

// programs is both real programs.
type programs struct {
	caller
	bin             string
	daemon, gateway *process
	socket, keys    string
	flags           []string // of the daemon
}

func startPrograms(t testing.TB, daemon []string, gateway ...string) *programs {
	t.Helper()
	dir := filepath.Dir(woltest.SocketPath(t))
	p := &programs{bin: woltest.Build(t), flags: daemon, socket: filepath.Join(dir, "s"), keys: filepath.Join(dir, "keys.json")}
	p.key = addKey(t, p.keys, "tester", "--scope", "wake", "--scope", "admin")
	p.startDaemon(t)
	p.startGateway(t, gateway...)
	return p
}

func (p *programs) startGateway(t testing.TB, flags ...string) {
	t.Helper()
	p.gateway = spawn(t, filepath.Join(p.bin, "api-server"), gatewayFlags(p.socket, p.keys, flags...)...)
	p.url = "http://" + p.gateway.log.wait(t, "msg", "listening")["address"].(string)
}

func (p *programs) startDaemon(t testing.TB) {
	t.Helper()
	ownNetwork(t, p.flags)
	p.daemon = spawn(t, filepath.Join(p.bin, "wol-server"), append([]string{"--socket", p.socket}, p.flags...)...)
	p.daemon.log.wait(t, "msg", "listening")
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
