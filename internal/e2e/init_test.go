package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// spawnInit is spawn in a pid namespace of its own, where the program is process 1 as
// in a container: the kernel drops every signal to it that it does not handle
// (pid_namespaces(7)).
func spawnInit(t *testing.T, name string, args ...string) *process {
	t.Helper()
	lantest.Require(t)
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	p, err := tryCommand(t, cmd)
	if err != nil {
		skip.Because(t, "cannot make a pid namespace: "+err.Error())
	}
	status, err := os.ReadFile("/proc/" + p.pid() + "/status")
	if err != nil || !regexp.MustCompile(`(?m)^NSpid:.*\t1$`).Match(status) {
		t.Fatalf("it is not process 1: %v\n%s", err, status)
	}
	return p
}

// ordinary is spawn in the form of spawnInit.
func ordinary(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return spawn(t, name, args...)
}

// TestSIGTERMAsProcessOne ends both programs as a container engine does.
func TestSIGTERMAsProcessOne(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	t.Run("wol-server", func(t *testing.T) {
		t.Parallel()
		r, socket := woltest.Listen(t), woltest.SocketPath(t)
		p := spawnInit(t, filepath.Join(bin, "wol-server"), "--socket", socket, "--destinations", r.Addr().String(), "--repeat", "4", "--repeat-interval", "2s")
		daemon := lone{p, dial(t, socket)}.ready(t)
		daemon.wake(t, wol.Target{MAC: woltest.MAC(1)})
		daemon.signal(syscall.SIGTERM)
		if code := daemon.exit(t); code != 0 {
			t.Errorf("exit code %d; log:\n%s", code, daemon.log)
		}
		for range 4 { // what was due is sent first
			r.Next(t)
		}
		r.Nothing(t)
	})
	t.Run("api-server", func(t *testing.T) {
		t.Parallel()
		p, inside, release := hanging(t, bin, spawnInit)
		p.finishesARequest(t, inside, release, func() {})
	})
}

// paced starts a daemon and leaves it with a call whose packets may leave one a second.
func paced(t *testing.T, bin string, spawn func(*testing.T, string, ...string) *process) *process {
	t.Helper()
	r, socket := woltest.Listen(t), woltest.SocketPath(t)
	p := spawn(t, filepath.Join(bin, "wol-server"), "--socket", socket, "--destinations", r.Addr().String(), "--repeat", "1", "--max-pps", "1")
	p.log.wait(t, "msg", "listening")
	var targets []wol.Target
	for n := range 6 {
		targets = append(targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	client := dial(t, socket)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = client.Wake(t.Context(), wol.Request{ID: "id-1", Targets: targets}) // is broken off
	}()
	t.Cleanup(func() { <-ended })
	r.Next(t)
	return p
}

// hanging starts a gateway whose daemon lets each call wait for release.
func hanging(t *testing.T, bin string, spawn func(*testing.T, string, ...string) *process) (p *stack, inside <-chan struct{}, release chan struct{}) {
	t.Helper()
	socket := woltest.SocketPath(t)
	calls, release := make(chan struct{}, 1), make(chan struct{})
	slowDaemon(t, socket, calls, release)
	p = newStack(t, bin, socket)
	p.serves(t, spawn(t, filepath.Join(bin, "api-server"), gatewayFlags(socket, p.keys, "--timeout", "1m")...))
	return p, calls, release
}

// TestASecondSIGTERMEndsAtOnce sends it while something holds the first one up: the
// end is no longer the orderly one, whose code is 0.
func TestASecondSIGTERMEndsAtOnce(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	for name, tt := range map[string]struct {
		spawn func(*testing.T, string, ...string) *process
		code  int // -1 is a death by the signal, which process 1 cannot die of
	}{"": {ordinary, -1}, " as process 1": {spawnInit, 2}} {
		t.Run("wol-server"+name, func(t *testing.T) {
			t.Parallel()
			twice(t, paced(t, bin, tt.spawn), tt.code)
		})
		t.Run("api-server"+name, func(t *testing.T) {
			t.Parallel()
			p, inside, release := hanging(t, bin, tt.spawn)
			t.Cleanup(func() { close(release) })
			go func() { _, _ = p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "") }() // gets no answer
			<-inside
			twice(t, p.gateway, tt.code)
		})
	}
}

// twice sends SIGTERM, and again once the program says that it stops. The program
// gives the signal back to the kernel a moment after that, hence the repetition.
func twice(t *testing.T, p *process, code int) {
	t.Helper()
	p.signal(syscall.SIGTERM)
	p.log.wait(t, "msg", "stopping")
	for ended := false; !ended; {
		p.signal(syscall.SIGTERM)
		select {
		case <-p.done:
			ended = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	if got := p.exit(t); got != code {
		t.Errorf("exit code %d, want %d; log:\n%s", got, code, p.log)
	}
	if log := p.log.String(); strings.Contains(log, "goroutine ") {
		t.Errorf("the log holds a stack:\n%s", log)
	}
}

// finishesARequest sends SIGTERM to a gateway whose request is with the daemon, lets
// something happen meanwhile, and wants the request answered and a clean end.
func (st *stack) finishesARequest(t *testing.T, inside <-chan struct{}, release chan<- struct{}, meanwhile func()) {
	t.Helper()
	asked := make(chan int, 1)
	go func() {
		a, err := st.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
		if err != nil {
			t.Error(err)
		}
		asked <- a.status
	}()
	<-inside
	st.gateway.signal(syscall.SIGTERM)
	st.gateway.log.wait(t, "msg", "stopping")
	meanwhile()
	close(release)
	if status := <-asked; status != http.StatusOK {
		t.Errorf("the request under way got status %d", status)
	}
	if code := st.gateway.exit(t); code != 0 {
		t.Errorf("exit code %d; log:\n%s", code, st.gateway.log)
	}
}
