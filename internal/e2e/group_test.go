package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// nobody is the second user, and group, of the tests' user namespace, where there is
// one.
const nobody = 65534

// user is whom a program runs as. None of them has a capability: to one that has
// CAP_DAC_OVERRIDE no mode means anything (capabilities(7)).
type user struct {
	uid, gid int
	groups   string // as setpriv(1) takes them
}

// as returns a command that runs a program as that user, with the process id of the
// command. It skips the test where the machine has no second user for it.
func (u user) as(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	lantest.Require(t)
	setpriv := skip.Unless(t, "setpriv", "util-linux")
	groups := "--groups=" + u.groups
	if u.groups == "" {
		groups = "--clear-groups"
	}
	flags := []string{
		"--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--securebits=+noroot,+noroot_locked", "--no-new-privs", "--pdeathsig=keep",
		fmt.Sprint("--reuid=", u.uid), fmt.Sprint("--regid=", u.gid), groups, "--",
	}
	if out, err := exec.Command(setpriv, append(flags, "true")...).CombinedOutput(); err != nil {
		skip.Because(t, fmt.Sprintf("only root can bring a second user into the namespace: %s", out))
	}
	return exec.Command(setpriv, append(append(flags, program), args...)...)
}

// TestTheGroupIsTheGate has real programs of several users at the socket, which is the
// owner's and the group's, mode 0660, in a directory of mode 0750: who is in the group
// is served, by whichever of his groups it is, and everybody else meets EACCES, uid 0
// without capabilities as well.
func TestTheGroupIsTheGate(t *testing.T) {
	t.Parallel()
	user{uid: nobody, gid: nobody}.as(t, "true") // skips here
	bin, r := woltest.Build(t), woltest.Listen(t)
	program := filepath.Join(bin, "wol-server")
	for _, owner := range []int{0, nobody} {
		other := nobody - owner
		for name, tt := range map[string]struct {
			user
			served bool
		}{
			"primary group":                   {user{uid: other, gid: owner}, true},
			"supplementary group":             {user{uid: other, gid: other, groups: fmt.Sprint(owner)}, true},
			"supplementary group among two":   {user{uid: other, gid: other, groups: fmt.Sprint(other, ",", owner)}, true},
			"owner, outside the group":        {user{uid: owner, gid: other}, true},
			"stranger":                        {user{uid: other, gid: other}, false},
			"stranger with groups of his own": {user{uid: other, gid: other, groups: fmt.Sprint(other)}, false},
		} {
			t.Run(fmt.Sprint(name, ", owner ", owner), func(t *testing.T) {
				t.Parallel()
				socket := filepath.Join(lantest.SharedDir(t), "run", "s")
				daemon := user{uid: owner, gid: owner}.as(t, program, append(loopback(r), "--socket", socket)...)
				startCommand(t, daemon).log.wait(t, "msg", "listening")
				code, stdout, stderr := finish(t, nil, tt.as(t, program, "healthcheck", "--socket", socket))
				if tt.served {
					if code != 0 || stdout+stderr != "" {
						t.Errorf("exit code %d: %s%s", code, stdout, stderr)
					}
					return
				}
				want := fmt.Sprintf("%s is drwxr-x--- of uid %d and gid %[2]d, and this process has uid %d, gid %[3]d and the groups [", filepath.Dir(socket), owner, other)
				if code != 1 || !strings.Contains(stderr, "permission denied") || !strings.Contains(stderr, want) {
					t.Errorf("exit code %d: %q, want it to say %q", code, stderr, want)
				}
				// Past the directory, the socket's own mode says the same.
				if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
					t.Fatal(err)
				}
				_, _, stderr = finish(t, nil, tt.as(t, program, "healthcheck", "--socket", socket))
				if !strings.Contains(stderr, "permission denied") || !strings.Contains(stderr, socket+" is Srw-rw---- of") {
					t.Errorf("past the directory: %q", stderr)
				}
			})
		}
	}
}

// TestAGatewayOutsideTheGroup answers 503, and its log says what an operator has to
// look up: whose the socket is, and who the gateway is. In the group, it wakes.
func TestAGatewayOutsideTheGroup(t *testing.T) {
	t.Parallel()
	outside, inside := user{uid: nobody, gid: nobody}, user{uid: nobody, gid: nobody, groups: "0"}
	outside.as(t, "true") // skips here
	bin, r, dir := woltest.Build(t), woltest.Listen(t), lantest.SharedDir(t)
	p := newStack(t, bin, filepath.Join(dir, "s"))
	p.socket = filepath.Join(dir, "run", "s")
	if err := os.Chown(p.keys, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	p.startDaemon(t, loopback(r)...)
	gateway := func(u user) {
		p.serves(t, startCommand(t, u.as(t, filepath.Join(bin, "api-server"), gatewayFlags(p.socket, p.keys)...)))
	}

	gateway(outside)
	facts := fmt.Sprintf("permission denied: %s is drwxr-x--- of uid 0 and gid 0, and this process has uid %d, gid %[2]d and the groups [", filepath.Dir(p.socket), nobody)
	if line := p.gateway.log.wait(t, "level", "WARN"); !strings.Contains(fmt.Sprint(line["err"]), facts) {
		t.Errorf("at the start the log says %v, want %q", line, facts)
	}
	a := p.wake(t, someMAC)
	if got := a.problem(t); got.Code != wol.Unavailable || a.header.Get("Retry-After") == "" || !strings.Contains(got.Detail, "give it the group") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if body := string(a.body); strings.Contains(body, p.socket) || strings.Contains(body, "uid") {
		t.Errorf("the answer tells a caller of the host: %s", body)
	}
	line := p.gateway.log.wait(t, "msg", "request", "request_id", a.requestID)
	if line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["err"]), facts) {
		t.Errorf("the log says %v, want an error with %q", line, facts)
	}
	if ready := p.ask(t, http.MethodGet, "/readyz", ""); ready.status != http.StatusServiceUnavailable {
		t.Errorf("ready with status %d", ready.status)
	}
	r.Nothing(t)

	gateway(inside)
	p.wake(t, someMAC).receipt(t)
	r.Next(t)
}
