package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestDaemonAllowsOnlyItsList asks for a target that every key allows and the
// daemon does not.
func TestDaemonAllowsOnlyItsList(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	list := filepath.Join(t.TempDir(), "allow")
	if err := os.WriteFile(list, []byte("# mine\nAA-BB-CC-DD-EE-FF # desktop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := start(t, setup{daemon: append(loopback(r), "--allow", list)})
	st.wake(t, someMAC).receipt(t)
	r.Next(t)
	if p := st.wake(t, "02:00:00:00:00:01").problem(t); p.Status != http.StatusForbidden || p.Code != wol.Forbidden || !strings.Contains(p.Detail, "--allow") {
		t.Errorf("%+v", p)
	}
	body := `{"targets":[{"mac_addr":"` + someMAC + `"},{"mac_addr":"02:00:00:00:00:01"}]}`
	if p := st.ask(t, http.MethodPost, "/api/v1/wol", body).problem(t); p.Status != http.StatusForbidden {
		t.Errorf("among others: %+v", p)
	}
	r.Nothing(t)
}

// TestAllowListFollowsItsFile changes the list under a running daemon: it grows and
// shrinks, breaks in every way in which a file can, and is replaced.
func TestAllowListFollowsItsFile(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	const other = "02:00:00:00:00:01"
	list := filepath.Join(t.TempDir(), "allow")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(other + "\n")
	st := start(t, setup{daemon: append(loopback(r), "--allow", list)})
	follows := func(status int) {
		t.Helper()
		began := time.Now()
		a := st.wakeUntil(t, func(a answer) bool { return a.status == status })
		if took := time.Since(began); took > bound {
			t.Errorf("the list was followed after %v", took)
		}
		if status == http.StatusOK {
			a.receipt(t)
			r.Next(t)
		}
	}
	follows(http.StatusForbidden)
	write(other + "\n" + someMAC + "\n")
	follows(http.StatusOK)

	const kept = "allow-list not reloaded, the old one stays in force"
	for _, broken := range []string{"", "# nothing\n", someMAC + "\nnonsense\n", "\x00\xff", strings.Repeat("x", 1<<20+1)} {
		st.daemon.log.forget()
		write(broken)
		st.daemon.log.wait(t, "msg", kept)
		st.wake(t, someMAC).receipt(t)
		r.Next(t)
		write(other + "\n" + someMAC + "\n")
		st.daemon.log.wait(t, "msg", "allow-list reloaded")
	}
	st.daemon.log.forget()
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	st.daemon.log.wait(t, "msg", kept)
	st.wake(t, someMAC).receipt(t)
	r.Next(t)

	fresh := list + ".new"
	if err := os.WriteFile(fresh, []byte(other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, list); err != nil {
		t.Fatal(err)
	}
	follows(http.StatusForbidden)
}

func TestDaemonKeepsItsPacketBudget(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: []string{"--destinations", r.Addr().String(), "--repeat", "1", "--max-pps", "5"}})
	const wakes = 60
	answers := make(chan answer, wakes)
	began := time.Now()
	for range wakes {
		go func() {
			a, err := st.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	sent := 0
	for range wakes {
		a := <-answers
		if a.status == http.StatusOK {
			sent++
			continue
		}
		if p := a.problem(t); p.Status != http.StatusTooManyRequests || p.Code != wol.RateLimited || a.header.Get("Retry-After") == "" {
			t.Errorf("%+v, Retry-After %q", p, a.header.Get("Retry-After"))
		}
	}
	if took := time.Since(began); sent < 5 || float64(sent) > 5+5*took.Seconds()+1 {
		t.Errorf("%d wakes in %v, with a budget of 5 a second", sent, took)
	}
	for range sent {
		r.Next(t)
	}
	r.Nothing(t)
}

// TestRetriesCountInThePacketBudget sends by a macvlan whose card is full. The card drops each packet after another macvlan has heard it.
func TestRetriesCountInThePacketBudget(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "card0")
	lan.Macvlan("mac0", "10.10.0.1/24")
	sibling := lan.Macvlan("mac1")
	sibling.Listen()
	lan.Congest(300)
	const perSecond = 30
	st := start(t, setup{daemon: []string{"--interfaces", "mac0", "--repeat", "1", "--max-pps", fmt.Sprint(perSecond)}})
	began := time.Now()
	unknown := 0
	for range perSecond { // each with two destinations: a second's worth more than the burst
		a, err := st.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
		if err != nil {
			t.Fatal(err)
		}
		switch a.status {
		case http.StatusServiceUnavailable:
			t.Errorf("%s, though another interface heard it", a.problem(t).Detail)
		case http.StatusGatewayTimeout:
			unknown++
		}
	}
	took := time.Since(began)
	if heard := len(sibling.Collect(quietLAN)); unknown == 0 || float64(heard) > perSecond*(1+took.Seconds())+1 {
		t.Errorf("%d packets in %v, with a budget of %d a second; %d calls found no room", heard, took, perSecond, unknown)
	}
}

// TestDaemonAdmitsOnlyListedUIDs has a gateway of another user, who is in the socket's
// group and not on the list. The daemon's own user need not be on it: its health check is
// admitted.
func TestDaemonAdmitsOnlyListedUIDs(t *testing.T) {
	t.Parallel()
	other := user{uid: nobody, gid: nobody, groups: "0"}
	other.as(t, "true") // skips here
	bin, r, dir := woltest.Build(t), woltest.Listen(t), lantest.SharedDir(t)
	p := newStack(t, bin, filepath.Join(dir, "s"))
	p.socket = filepath.Join(dir, "run", "s")
	if err := os.Chown(p.keys, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	p.startDaemon(t, append(loopback(r), "--allow-uids", "4000000000")...)
	if code, _, stderr := run(t, nil, filepath.Join(bin, "wol-server"), "healthcheck", "--socket", p.socket); code != 0 {
		t.Errorf("the daemon's own health check: exit code %d: %s", code, stderr)
	}
	p.serves(t, startCommand(t, other.as(t, filepath.Join(bin, "api-server"), gatewayFlags(p.socket, p.keys)...)))
	if p := p.wake(t, someMAC).problem(t); p.Code != wol.Unavailable || !strings.Contains(p.Detail, "--allow-uids") {
		t.Errorf("%+v", p)
	}
	p.daemon.log.wait(t, "msg", "peer refused")
	r.Nothing(t)
}

// TestKeyFromTheEnvironment runs the simplest deployment: no key file at all.
func TestKeyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	socket := woltest.SocketPath(t)
	st := &stack{socket: socket, keys: socket + ".json"}
	st.key = "Vb3tqz9-LmX0_rYw7Kc2fHs8Nd"
	st.startDaemon(t, loopback(r)...)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(st.key+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, entry := range []string{"API_KEY=" + st.key, "API_KEY_FILE=" + file} {
		st.environ = []string{entry}
		st.startGateway(t)
		st.wake(t, someMAC).receipt(t)
		r.Next(t)
		if a := st.ask(t, http.MethodGet, "/api/v1/interfaces", ""); a.status != http.StatusOK {
			t.Errorf("every scope: status %d", a.status)
		}
		if strings.Contains(st.gateway.log.String(), st.key) {
			t.Error("the log shows the key")
		}
		st.gateway.end(t)
	}
}
