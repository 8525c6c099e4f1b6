package gateway

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/policy"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// door is a gateway on a real listener in front of a waker that counts.
type door struct {
	url    string
	wakes  atomic.Int32
	conns  atomic.Int32 // that are open
	log    woltest.Buffer
	audit  *audit.Log
	waker  wol.Waker // guarded, as the gateway has it
	counts counts
	wake   string // a key with the scope wake
	admin  string // a key with the scope admin
	narrow string // a key with the scope wake for woltest.MAC(1) alone
	old    string // a key that has expired
}

func open(t *testing.T, change func(*Options)) *door {
	t.Helper()
	return openWithin(t, defaultTimeouts(), change)
}

// impatient are time-outs for tests that wait for them.
func impatient() timeouts {
	return timeouts{read: time.Second, write: time.Second, idle: time.Second}
}

func openWithin(t *testing.T, within timeouts, change func(*Options)) *door {
	t.Helper()
	d := &door{}
	file := filepath.Join(t.TempDir(), "keys.json")
	add := func(name string, scope wol.Action, targets ...wol.MAC) string {
		key, err := apikey.Add(file, name, []wol.Action{scope}, targets, time.Time{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return key.Reveal()
	}
	d.wake, d.admin, d.narrow = add("wake", wol.Wake), add("admin", wol.Admin), add("narrow", wol.Wake, woltest.MAC(1))
	past := time.Now().Add(-time.Hour)
	old, err := apikey.Add(file, "old", []wol.Action{wol.Wake}, nil, past.Add(time.Minute), past)
	if err != nil {
		t.Fatal(err)
	}
	d.old = old.Reveal()
	content, err := apikey.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := apikey.NewSet(content, apikey.EnvKey{})
	o := Options{
		Context: t.Context(),
		Waker: wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			d.wakes.Add(1)
			return woltest.Receipts(req), nil
		}),
		Interfaces: func(context.Context, string) (wol.Interfaces, error) {
			return wol.Interfaces{Interfaces: []wol.Interface{{Name: "eth0"}}, Findings: []wol.Finding{}}, nil
		},
		Ready: func(string) error { return nil },
		Keys:  func() *apikey.Set { return keys },
		Docs:  true, Observe: &d.counts,
		Log: slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	d.audit = audit.New(o.Log)
	o.Audit = d.audit
	d.waker = policy.Distinct(policy.Permit(audit.Wakes(o.Waker, d.audit), func(req wol.Request, why wol.Denial, detail string) {
		d.counts.Denied(why)
		d.audit.Event(audit.Event{Name: audit.AuthzFail, RequestID: req.ID, By: req.By, Detail: detail})
	}))
	o.Waker = d.waker
	t.Cleanup(d.audit.Close) // after the server's end
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.url = "http://" + listener.Addr().String()
	server := newServer(o, within)
	served := make(chan error, 1)
	go func() { served <- server.Serve(gauge{listener, &d.conns}) }()
	t.Cleanup(func() {
		_ = server.Shutdown(time.Second)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return d
}

// lines returns the log lines whose field has this value.
func (d *door) lines(t *testing.T, field, value string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for text := range strings.Lines(d.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if line[field] == value {
			found = append(found, line)
		}
	}
	return found
}

// events returns how many events of this name the audit log stands for.
func (d *door) events(t *testing.T, name string) int {
	t.Helper()
	d.audit.Close()
	n := 0
	for _, line := range d.lines(t, "event", name) {
		suppressed, _ := line["suppressed"].(float64)
		n += max(1, int(suppressed))
	}
	return n
}

// address is where the door listens.
func (d *door) address() string { return strings.TrimPrefix(d.url, "http://") }

// say opens a connection, which lasts as long as the test, and writes to it.
func (d *door) say(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", d.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(woltest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// gauge counts the connections of a listener that are open.
type gauge struct {
	net.Listener
	open *atomic.Int32
}

func (g gauge) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g.open.Add(1)
	return &gaugedConn{c, sync.OnceFunc(func() { g.open.Add(-1) })}, nil
}

type gaugedConn struct {
	net.Conn
	closed func()
}

// CloseWrite shows through, as it does through netlimit.
func (c *gaugedConn) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

func (c *gaugedConn) Close() error {
	err := c.Conn.Close()
	c.closed() // when its place is free
	return err
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// call sends a request; headers are name, value pairs.
func (d *door) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: woltest.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(text)}
}

// refusal reads the error body and checks what all of them share.
func (a answer) refusal(t *testing.T) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.OK || p.Status != a.StatusCode || p.Detail == "" || p.Title == "" ||
		!strings.HasSuffix(a.body, "}\n") || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") || a.Header.Get("Content-Type") != problem.ContentType {
		t.Fatalf("not our error body: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	return p
}

const target = "/api/v1/wol/02:00:00:00:00:01" // woltest.MAC(1)
