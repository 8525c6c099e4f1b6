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

func TestMain(m *testing.M) { lantest.Main(m) }

// stack is both programs in this process.
type stack struct {
	daemon, gateway *service
	socket          string
	keys            string
	url             string
	key             string
}

// service is one program under way.
type service struct {
	log  *logLines
	stop context.CancelFunc
	done chan error
}

// setup is what a test changes about the stack; the zero value sends one copy
// to nowhere in particular, so that every test names its destinations.
type setup struct {
	daemon  []string // flags of wol-server beyond --socket
	gateway []string // flags of api-server beyond its files
}

func start(t testing.TB, s setup) *stack {
	t.Helper()
	dir := filepath.Dir(woltest.SocketPath(t))
	st := &stack{socket: filepath.Join(dir, "s"), keys: filepath.Join(dir, "keys.json")}
	st.key = addKey(t, st.keys, "tester", "--scope", "wake", "--scope", "admin")
	st.startDaemon(t, s.daemon...)
	st.startGateway(t, s.gateway...)
	return st
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
	c, _, err := wolserver.Load(append([]string{"--socket", st.socket}, flags...), nil)
	if err != nil {
		t.Fatal(err)
	}
	noActivation := func(string) string { return "" }
	st.daemon = launch(t, func(ctx context.Context, log *logLines) error {
		return wolserver.Run(ctx, c, noActivation, c.Log.New(log))
	})
	st.daemon.log.wait(t, "msg", "listening")
}

func (st *stack) startGateway(t testing.TB, flags ...string) {
	t.Helper()
	st.startGatewayWith(t, nil, flags...)
}

func (st *stack) startGatewayWith(t testing.TB, environ []string, flags ...string) {
	t.Helper()
	base := []string{"--listen", "127.0.0.1:0", "--wol-socket", st.socket, "--keys", st.keys, "--ops-listen", "", "--rate", "0"}
	c, _, err := apiserver.Load(append(base, flags...), environ)
	if err != nil {
		t.Fatal(err)
	}
	st.gateway = launch(t, func(ctx context.Context, log *logLines) error {
		return apiserver.Run(ctx, c, c.Log.New(log))
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

// wake asks for one target with the stack's key.
func (st *stack) wake(t testing.TB, mac string) answer {
	t.Helper()
	return st.post(t, "/api/v1/wol/"+mac, "")
}

func (st *stack) post(t testing.TB, path, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, st.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return st.do(t, r)
}

func (st *stack) get(t testing.TB, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, st.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return st.do(t, r)
}

func (st *stack) do(t testing.TB, r *http.Request) answer {
	t.Helper()
	r.Header.Set("Authorization", "Bearer "+st.key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: body, requestID: response.Header.Get("X-Request-Id")}
}

// receipt reads the answer to a wake that must have succeeded.
func (a answer) receipt(t testing.TB) wol.Receipt {
	t.Helper()
	var r wol.Receipt
	if err := json.Unmarshal(a.body, &r); err != nil || a.status != http.StatusOK {
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

func jsonInto(a answer, into any) error { return json.Unmarshal(a.body, into) }
