// Package e2e runs both programs together: in one race-detected process and as
// real binaries, in a network namespace of the tests' own.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wolgate/internal/apiserver"
	"wolgate/internal/lantest"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) {
	os.Exit(woltest.WithPrograms(func() int { return lantest.Run(m) }))
}

// caller asks a gateway with a key.
type caller struct{ url, key string }

// stack is both programs in this process.
type stack struct {
	caller
	daemon, gateway *service
	socket, keys    string
}

// service is one program under way.
type service struct {
	log  *logLines
	stop context.CancelFunc
	done chan error
}

// setup is what a test changes about the stack: flags of either program beyond
// its files.
type setup struct{ daemon, gateway []string }

func start(t testing.TB, s setup) *stack {
	t.Helper()
	dir := filepath.Dir(woltest.SocketPath(t))
	st := &stack{socket: filepath.Join(dir, "s"), keys: filepath.Join(dir, "keys.json")}
	st.key = addKey(t, st.keys, "tester", "--scope", "wake", "--scope", "admin")
	st.startDaemon(t, s.daemon...)
	st.startGateway(t, nil, s.gateway...)
	return st
}

// ownNetwork keeps a daemon that would broadcast off every network that the
// tests have not made.
func ownNetwork(t testing.TB, flags []string) {
	t.Helper()
	if !slices.Contains(flags, "--destinations") {
		lantest.Require(t)
	}
}

// gatewayFlags is what every gateway here starts with: any port, no metrics, no
// limit.
func gatewayFlags(socket, keys string, more ...string) []string {
	return append([]string{"--listen", "127.0.0.1:0", "--wol-socket", socket, "--keys", keys, "--ops-listen", "", "--rate", "0"}, more...)
}

// addKey makes a key with the program's own verb.
func addKey(t testing.TB, file, name string, flags ...string) string {
	t.Helper()
	var out, notes bytes.Buffer
	args := append([]string{"keys", "add", name, "--keys", file}, flags...)
	if code := apiserver.Main(t.Context(), args, nil, &out, &notes); code != 0 {
		t.Fatalf("keys add: exit %d: %s", code, notes.String())
	}
	return strings.TrimSpace(out.String())
}

func (st *stack) startDaemon(t testing.TB, flags ...string) {
	t.Helper()
	ownNetwork(t, flags)
	c, _, err := wolserver.Load(append([]string{"--socket", st.socket}, flags...), nil)
	if err != nil {
		t.Fatal(err)
	}
	st.daemon = launch(t, func(ctx context.Context, log *logLines) error {
		return wolserver.Run(ctx, c, noActivation, c.Log.New(log))
	})
	st.daemon.log.wait(t, "msg", "listening")
}

// noActivation is the environment of a program that systemd has not started.
func noActivation(string) string { return "" }

func (st *stack) startGateway(t testing.TB, environ []string, flags ...string) {
	t.Helper()
	c, _, err := apiserver.Load(gatewayFlags(st.socket, st.keys, flags...), environ)
	if err != nil {
		t.Fatal(err)
	}
	st.gateway = launch(t, func(ctx context.Context, log *logLines) error {
		return apiserver.Run(ctx, c, noActivation, c.Log.New(log))
	})
	st.url = "http://" + st.gateway.log.wait(t, "msg", "listening")["address"].(string)
}

func launch(t testing.TB, run func(context.Context, *logLines) error) *service {
	ctx, stop := context.WithCancel(context.Background())
	s := &service{log: newLog(), stop: stop, done: make(chan error, 1)}
	go func() { s.done <- run(ctx, s.log) }()
	t.Cleanup(func() { s.end(t) })
	return s
}

// end stops the program as SIGTERM would and fails the test if it does not end
// well. Only the first call does anything.
func (s *service) end(t testing.TB) {
	t.Helper()
	s.stop()
	select {
	case err, ok := <-s.done:
		if ok && err != nil {
			t.Errorf("ended with: %v", err)
		}
		if ok {
			close(s.done)
		}
	case <-time.After(woltest.Patience):
		t.Errorf("did not end within %v; log:\n%s", woltest.Patience, s.log)
	}
}

// answer is what the gateway says.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	requestID string
}

// wake asks for one target.
func (c caller) wake(t testing.TB, mac string) answer {
	t.Helper()
	return c.ask(t, http.MethodPost, "/api/v1/wol/"+mac, "")
}

// ask sends a request that must get an answer, whatever it says.
func (c caller) ask(t testing.TB, method, path, body string) answer {
	t.Helper()
	a, err := c.try(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// try is ask for goroutines, which may not end a test.
func (c caller) try(ctx context.Context, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: text, requestID: response.Header.Get("X-Request-Id")}, err
}

// wakeUntil asks until the answer is as wanted, a hundred times a second.
func (c caller) wakeUntil(t *testing.T, wanted func(answer) bool) answer {
	t.Helper()
	deadline := time.Now().Add(woltest.Patience)
	for {
		a := c.wake(t, someMAC)
		if wanted(a) {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: status %d, %s", woltest.Patience, a.status, a.body)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// receipt reads the answer to a wake that must have succeeded.
func (a answer) receipt(t testing.TB) wol.Receipt {
	t.Helper()
	r, err := wol.ParseReceipt(a.body)
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	return r
}

// problem reads the answer to a request that must have failed.
func (a answer) problem(t testing.TB) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || p.OK || p.Status != a.status || p.RequestID != a.requestID || p.Detail == "" {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	if kind := a.header.Get("Content-Type"); kind != problem.ContentType {
		t.Fatalf("content type %q", kind)
	}
	return p
}

// loopback is the flags of a daemon that sends one copy to a receiver.
func loopback(r *woltest.Receiver) []string {
	return []string{"--destinations", r.Addr().String(), "--repeat", "1", "--max-pps", "1000000"}
}

func descriptors(t testing.TB, pid string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
