package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/apikey"
	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// mounted returns a command that runs a shell script in a mount namespace of its own,
// in which the directory from stands at to, read-only, as a container engine mounts a
// volume. The script finds to in $1, and args behind it.
func mounted(t *testing.T, from, to, script string, args ...string) *exec.Cmd {
	t.Helper()
	lantest.Require(t)
	const mount = `mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" || exit 97; shift; `
	command := func(script string, args ...string) *exec.Cmd {
		return exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", mount + script, "sh", from, to}, args...)...)
	}
	if out, err := command("exit 0").CombinedOutput(); err != nil {
		skip.Because(t, fmt.Sprintf("cannot mount in a namespace: %v: %s", err, out))
	}
	return command(script, args...)
}

// TestAReadOnlyMountIsEnough has the gateway see the socket's directory as in a
// container that has it read-only: it can plant nothing there and remove nothing, and
// wakes, also after the daemon was killed, or ended and started again.
func TestAReadOnlyMountIsEnough(t *testing.T) {
	t.Parallel()
	base, r := filepath.Dir(woltest.SocketPath(t)), woltest.Listen(t)
	host, inside := filepath.Join(base, "host"), filepath.Join(base, "in")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	p := newStack(t, woltest.Build(t), filepath.Join(base, "s"))
	p.socket = filepath.Join(host, "s")
	p.startDaemon(t, loopback(r)...)

	// Of root, with every capability in its namespace.
	for _, attempt := range []string{
		`: >"$1/planted"`, `rm "$1/s"`, `mv "$1/s" "$1/t"`, `ln -s /tmp "$1/t"`, `mkdir "$1/t"`, `chmod 0777 "$1/s"`, `: >>"$1/s.lock"`,
	} {
		code, _, stderr := finish(t, []string{"LC_ALL=C"}, mounted(t, host, inside, attempt))
		if code == 0 || !strings.Contains(stderr, "Read-only file system") {
			t.Errorf("%s: exit code %d: %s", attempt, code, stderr)
		}
	}
	entries, err := os.ReadDir(host)
	if err != nil || len(entries) != 2 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}

	program := append([]string{filepath.Join(p.bin, "api-server")}, gatewayFlags(filepath.Join(inside, "s"), p.keys)...)
	p.serves(t, startCommand(t, mounted(t, host, inside, `shift; exec "$@"`, program...)))
	p.wake(t, someMAC).receipt(t)
	r.Next(t)
	for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		p.daemon.signal(end)
		p.daemon.exit(t)
		if a := p.wake(t, someMAC); a.problem(t).Code != wol.Unavailable {
			t.Errorf("after %v: status %d", end, a.status)
		}
		p.startDaemon(t)
		p.wake(t, someMAC).receipt(t)
		r.Next(t)
	}

	// A directory that is made anew is another one, which no mount follows.
	p.daemon.signal(syscall.SIGTERM)
	p.daemon.exit(t)
	if err := os.RemoveAll(host); err != nil {
		t.Fatal(err)
	}
	p.startDaemon(t)
	a := p.wake(t, someMAC)
	if a.problem(t).Code != wol.Unavailable {
		t.Errorf("with another directory: status %d", a.status)
	}
	line := p.gateway.log.wait(t, "msg", "request", "request_id", a.requestID)
	if said := fmt.Sprint(line["err"]); line["level"] != "ERROR" || !strings.Contains(said, "recreate this container") {
		t.Errorf("the log says %v", line)
	}
	r.Nothing(t)
	p.unhealthy(t, "recreate this container", program...)
}

// TestASocketMountedAsAFileIsUnhealthy: after the daemon's first restart such a mount is
// dead for ever, and the gateway's health check says why.
func TestASocketMountedAsAFileIsUnhealthy(t *testing.T) {
	t.Parallel()
	host := woltest.SocketPath(t)
	inside, r := host+".in", woltest.Listen(t)
	if err := os.WriteFile(inside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newStack(t, woltest.Build(t), host)
	p.startDaemon(t, loopback(r)...)
	program := append([]string{filepath.Join(p.bin, "api-server")}, gatewayFlags(inside, p.keys)...)
	p.serves(t, startCommand(t, mounted(t, host, inside, `shift; exec "$@"`, program...)))
	p.wake(t, someMAC).receipt(t)
	r.Next(t)
	if code, stderr := p.health(t, program...); code != 0 {
		t.Errorf("before: exit code %d: %s", code, stderr)
	}
	p.daemon.signal(syscall.SIGTERM)
	p.daemon.exit(t)
	p.startDaemon(t)
	p.unhealthy(t, "mount the directory", program...)
}

// health runs the gateway's health check with its flags in its mount namespace.
func (st *stack) health(t *testing.T, program ...string) (code int, stderr string) {
	t.Helper()
	args := append([]string{"--mount", "--target", st.gateway.pid(), program[0], "healthcheck"}, program[1:]...)
	args = append(args, "--listen", strings.TrimPrefix(st.url, "http://")) // the last one counts
	code, _, stderr = finish(t, nil, exec.Command("nsenter", args...))
	return code, stderr
}

// unhealthy waits until the health check fails: the gateway's answer is good for a second.
func (st *stack) unhealthy(t *testing.T, says string, program ...string) {
	t.Helper()
	var code int
	var stderr string
	within(t, woltest.Patience, func() bool { code, stderr = st.health(t, program...); return code != 0 })
	if code != 1 || !strings.Contains(stderr, says) {
		t.Errorf("the health check: exit code %d: %q, want it to say %q", code, stderr, says)
	}
}

// TestAKeyFileThatIsMountedByItself has the gateway see the key file as in a container
// that mounts the file and not its directory: a key that is revoked on the host goes on
// working in there, and the log says so and what to do.
func TestAKeyFileThatIsMountedByItself(t *testing.T) {
	t.Parallel()
	p := newStack(t, woltest.Build(t), woltest.SocketPath(t))
	doomed := caller{key: addKey(t, p.keys, "doomed")}
	inside := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(inside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	program := append([]string{filepath.Join(p.bin, "api-server")}, gatewayFlags(p.socket, inside)...)
	p.serves(t, startCommand(t, mounted(t, p.keys, inside, `shift; exec "$@"`, program...)))
	if line := p.gateway.log.wait(t, "level", "WARN"); line["file"] != inside || !strings.Contains(fmt.Sprint(line["msg"]), "mount its directory") {
		t.Errorf("at the start the log says %v", line)
	}
	if err := apikey.Revoke(p.keys, "doomed"); err != nil {
		t.Fatal(err)
	}
	line := p.gateway.log.wait(t, "msg", "keys not reloaded, the old ones stay valid")
	if said := fmt.Sprint(line["err"]); line["level"] != "ERROR" || line["keys"] != 2. || !strings.Contains(said, inside+" was replaced on the host") || !strings.Contains(said, "restart this container") {
		t.Errorf("the log says %v", line)
	}
	for range 3 {
		p.gateway.signal(syscall.SIGHUP)
	}
	if doomed.url = p.url; doomed.ask(t, "GET", "/api/v1/interfaces", "").status == 401 {
		t.Error("the key is revoked, and the log says that it is not")
	}
	p.gateway.signal(syscall.SIGTERM)
	p.gateway.exit(t)
	if strings.Contains(p.gateway.log.String(), "keys reloaded") {
		t.Errorf("SIGHUP has read the old file again:\n%s", p.gateway.log)
	}
}
