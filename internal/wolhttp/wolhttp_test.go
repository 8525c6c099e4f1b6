package wolhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/broadcast"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func noInterfaces(context.Context) (wol.Interfaces, error) { return wol.Interfaces{}, nil }

// serve answers on a socket until the test ends and returns its path.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	path := woltest.SocketPath(t)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return path
}

func client(t *testing.T, path string, timeout time.Duration) *wolhttp.Client {
	c := wolhttp.NewClient(func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}, timeout)
	t.Cleanup(c.Close)
	return c
}

func one() wol.Request {
	return wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}}}
}

func TestClientIsAWaker(t *testing.T) {
	t.Parallel()
	woltest.Suite(t, func(t *testing.T, destination netip.AddrPort) wol.Waker {
		sender := broadcast.New(broadcast.Config{Destinations: []netip.AddrPort{destination}, Repeat: 1}, quiet())
		path := serve(t, wolhttp.Handler(sender, noInterfaces, quiet()))
		t.Cleanup(func() { _ = sender.Close(0) })
		return client(t, path, woltest.Patience)
	})
}

func TestEveryErrorCrossesTheSocket(t *testing.T) {
	t.Parallel()
	for _, kind := range []wol.Kind{wol.Invalid, wol.Forbidden, wol.RateLimited, wol.Unavailable, wol.Timeout, wol.Internal} {
		want := &wol.Error{Kind: kind, Message: "words", RetryAfter: 3 * time.Second, Failed: []wol.Failure{{Interface: "eth0", Destination: "x", Error: "y"}}}
		waker := wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return nil, want })
		want.Unsure = kind == wol.Timeout // it was about to send
		_, err := client(t, serve(t, wolhttp.Handler(waker, noInterfaces, quiet())), woltest.Patience).Wake(t.Context(), one())
		if diff := cmp.Diff(error(want), err); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestInterfacesCrossTheSocket(t *testing.T) {
	t.Parallel()
	want := wol.Interfaces{
		Interfaces: []wol.Interface{
			{Name: "eth0", Eligible: true, Addresses: []string{"192.168.1.10/24"}, Destinations: []string{"255.255.255.255:9"}, Routes: []string{"default via 192.168.1.1"}},
			{Name: "eth1", Why: wol.NoCarrier, Reason: "no carrier", Cure: "plug it in", Failing: true, Addresses: []string{}, Destinations: []string{}, Routes: []string{}},
		},
		Findings: []wol.Finding{{Code: "no_carrier", Interface: "eth1", Message: "no carrier", Cure: "plug it in"}},
	}
	list := func(context.Context) (wol.Interfaces, error) { return want, nil }
	got, err := client(t, serve(t, wolhttp.Handler(nil, list, quiet())), woltest.Patience).Interfaces(t.Context(), "id-1")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = client(t, serve(t, wolhttp.Handler(nil, noInterfaces, quiet())), woltest.Patience).Interfaces(t.Context(), "id-1")
	if wol.KindOf(err) != wol.BadUpstream {
		t.Errorf("an answer without lists: %v", err)
	}
}

func TestHandlerRoutes(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		asked.Add(1)
		return woltest.Receipts(req), nil
	})
	h := wolhttp.Handler(waker, noInterfaces, quiet())
	const mac = "02:00:00:00:00:01"
	for _, tt := range []struct {
		method, path, body string
		header             [2]string
		status             int
		wakes              int32
	}{
		{"POST", "/wol/" + mac, "", [2]string{}, 200, 1},
		{"POST", "/wol/02%3A00%3a00%3A00%3A00%3A01", "", [2]string{}, 200, 1},
		{"POST", "/wol/0200.0000.0001", `{"secureon":"c0a80107"}`, [2]string{}, 200, 1},
		{"POST", "/wol", `{"targets":[{"mac_addr":"` + mac + `"}]}`, [2]string{}, 200, 1},
		{"GET", "/interfaces", "", [2]string{}, 200, 0},
		{"GET", "/healthz", "", [2]string{}, 200, 0},
		{"GET", "/wol/" + mac, "", [2]string{}, 405, 0},
		{"POST", "/healthz", "", [2]string{}, 405, 0},
		{"POST", "/interfaces", "", [2]string{}, 405, 0},
		{"GET", "/", "", [2]string{}, 404, 0},
		{"POST", "/WOL/" + mac, "", [2]string{}, 404, 0},
		{"POST", "//wol/" + mac, "", [2]string{}, 404, 0},
		{"POST", "/wol/" + mac + "/", "", [2]string{}, 400, 0},
		{"POST", "/wol/02%253A00%253A00%253A00%253A00%253A01", "", [2]string{}, 400, 0},
		{"POST", "/wol", "", [2]string{}, 400, 0},
		{"POST", "/wol", `{"targets":[{"mac_addr":"` + mac + `"},{"mac_addr":"x"}]}`, [2]string{}, 400, 0},
		{"POST", "/wol/" + mac, `{"ip":"8.8.8.8"}`, [2]string{}, 400, 0},
		{"POST", "/wol/" + mac, `{"ſecureon":"c0a80107"}`, [2]string{}, 400, 0}, // U+017F, which folds to s
		{"POST", "/wol/" + mac, strings.Repeat(" ", 128<<10+1), [2]string{}, 413, 0},
		{"POST", "/wol/" + mac, "", [2]string{"Origin", "https://evil.example"}, 403, 0},
		{"POST", "/wol/" + mac, "", [2]string{"Referer", "https://evil.example"}, 403, 0},
		{"POST", "/wol/" + mac, "", [2]string{"Wol-Deadline", "soon"}, 400, 0},
	} {
		before := asked.Load()
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		if tt.header[0] != "" {
			r.Header.Set(tt.header[0], tt.header[1])
		}
		r.Header.Set("X-Request-ID", "id-1")
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || asked.Load()-before != tt.wakes {
			t.Errorf("%s %.60s %.60s: status %d, %d wakes; want %d, %d", tt.method, tt.path, tt.body, w.Code, asked.Load()-before, tt.status, tt.wakes)
		}
		if tt.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.path)
		}
		if tt.status >= 400 {
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.OK || p.Status != tt.status || p.RequestID != "id-1" || p.Detail == "" {
				t.Errorf("%s %.60s: body %s", tt.method, tt.path, w.Body)
			}
		}
	}
}

func TestHandlerRefusesEveryBadMAC(t *testing.T) {
	t.Parallel()
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		t.Errorf("a bad MAC came through: %v", req.Targets)
		return woltest.Receipts(req), nil
	})
	h := wolhttp.Handler(waker, noInterfaces, quiet())
	for _, bad := range woltest.BadMACs() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/wol/"+url.PathEscape(bad), nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%.60q: status %d", bad, w.Code)
		}
		body, err := json.Marshal(wol.Targets{Targets: []wol.TargetText{{MAC: bad}}})
		if err != nil {
			t.Fatal(err)
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/wol", bytes.NewReader(body)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%.60q in a body: status %d", bad, w.Code)
		}
	}
}

func TestLogNeverHoldsSecureOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil })
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := wolhttp.Handler(wolhttp.LogWakes(waker, log), noInterfaces, log)
	for _, body := range []string{`{"secureon":"deadbeefcafe"}`, `{"secureon":"deadbeefcafe00"}`, `{"secureon":"deadbeef","x":1}`} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/wol/02:00:00:00:00:01", strings.NewReader(body)))
	}
	if strings.Contains(out.String(), "deadbeef") || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("log:\n%s", out.String())
	}
}

func TestDeadlineTravelsWithTheRequest(t *testing.T) {
	t.Parallel()
	got := make(chan time.Time, 1)
	waker := wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		at, _ := ctx.Deadline()
		got <- at
		return woltest.Receipts(req), nil
	})
	c := client(t, serve(t, wolhttp.Handler(waker, noInterfaces, quiet())), time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), woltest.Patience)
	defer cancel()
	want, _ := ctx.Deadline()
	if _, err := c.Wake(ctx, one()); err != nil {
		t.Fatal(err)
	}
	at := <-got
	if early := want.Sub(at); early < -time.Millisecond || early > 200*time.Millisecond {
		t.Errorf("the daemon sees %v, the caller gave %v", at, want)
	}
}

// TestWhatCrossesTheSocket: one target needs no body, unless there is more to say of it.
// The header that makes net/http repeat a call is not among those that are sent.
func TestWhatCrossesTheSocket(t *testing.T) {
	t.Parallel()
	secret, err := wol.ParseSecureOn("c0a80107aabb")
	if err != nil {
		t.Fatal(err)
	}
	always, described := []string{"Content-Length", "User-Agent", "Wol-Deadline", "X-Request-Id"}, []string{"Content-Length", "Content-Type", "User-Agent", "Wol-Deadline", "X-Request-Id"}
	for _, tt := range []struct {
		req        wol.Request
		path, body string
		headers    []string
	}{
		{one(), "/wol/02:00:00:00:00:01", "", always},
		{wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1), SecureOn: secret}}}, "/wol/02:00:00:00:00:01", `{"secureon":"c0a80107aabb"}`, described},
		{wol.Request{ID: "id-1", Interface: "eth0", Targets: one().Targets}, "/wol/02:00:00:00:00:01", `{"interface":"eth0"}`, described},
		{wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}, {MAC: woltest.MAC(2)}}}, "/wol",
			`{"targets":[{"mac_addr":"02:00:00:00:00:01"},{"mac_addr":"02:00:00:00:00:02"}]}`, described},
	} {
		var path, host, body string
		var headers []string
		socket := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path, host, headers = r.URL.EscapedPath(), r.Host, slices.Sorted(maps.Keys(r.Header))
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = string(text)
			receipts := woltest.Receipts(tt.req)
			var answer any = receipts[0]
			if len(receipts) > 1 {
				answer = wol.NewReceipts("id-1", receipts)
			}
			_ = json.NewEncoder(w).Encode(answer)
		}))
		if _, err := client(t, socket, woltest.Patience).Wake(t.Context(), tt.req); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.headers, headers); diff != "" || host != "wol-server" || path != tt.path || body != tt.body {
			t.Errorf("%s on %s with %s, want %s with %s, headers (-want +got):\n%s", path, host, body, tt.path, tt.body, diff)
		}
	}
}

func TestClientClassifies(t *testing.T) {
	t.Parallel()
	raw := func(answer string) func(t *testing.T) string {
		return func(t *testing.T) string {
			path := woltest.SocketPath(t)
			woltest.Answer(t, path, []byte(answer))
			return path
		}
	}
	body := func(status int, kind, text string) func(*testing.T) string {
		return raw(fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, kind, len(text), text))
	}
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	two := wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}, {MAC: woltest.MAC(2)}}}
	receipts := woltest.Receipts(two)
	good, other, both := encode(receipts[0]), encode(receipts[1]), encode(wol.NewReceipts("id-1", receipts))
	turned := encode(wol.NewReceipts("id-1", []wol.Receipt{receipts[1], receipts[0]}))
	none := wol.NewReceipt(woltest.MAC(1), "id-1", nil, nil)
	unsent := encode(wol.NewReceipts("id-1", []wol.Receipt{none, wol.NewReceipt(woltest.MAC(2), "id-1", nil, nil)}))
	for name, tt := range map[string]struct {
		daemon func(t *testing.T) string
		want   wol.Kind // "" means success
	}{
		"good":                   {body(200, "application/json", good), ""},
		"absent":                 {func(t *testing.T) string { return woltest.SocketPath(t) }, wol.Unavailable},
		"stale socket":           {stale, wol.Unavailable},
		"full backlog":           {fullBacklog, wol.Unavailable},
		"regular file":           {regular, wol.Unavailable},
		"not HTTP":               {raw("SSH-2.0-OpenSSH_9.2\r\n"), wol.BadUpstream},
		"binary":                 {raw("\x16\x03\x01\x00\x00"), wol.BadUpstream},
		"hangs up":               {raw(""), wol.Unavailable},
		"half a status line":     {raw("HTTP/1.1 20"), wol.BadUpstream},
		"html":                   {body(200, "text/html", "<html>hello</html>"), wol.BadUpstream},
		"empty":                  {body(200, "application/json", ""), wol.BadUpstream},
		"empty object":           {body(200, "application/json", "{}"), wol.BadUpstream},
		"another target":         {body(200, "application/json", other), wol.BadUpstream},
		"nothing sent":           {body(200, "application/json", encode(none)), wol.BadUpstream},
		"list of one":            {body(200, "application/json", encode(wol.NewReceipts("id-1", receipts[:1]))), wol.BadUpstream},
		"two good":               {body(200, "application/json", both), ""},
		"two, no receipts":       {body(200, "application/json", `{"ok":true,"status":"sent","receipts":[]}`), wol.BadUpstream},
		"two, one receipt":       {body(200, "application/json", good), wol.BadUpstream},
		"two, list of one":       {body(200, "application/json", encode(wol.NewReceipts("id-1", receipts[:1]))), wol.BadUpstream},
		"two, other order":       {body(200, "application/json", turned), wol.BadUpstream},
		"two, nothing sent":      {body(200, "application/json", unsent), wol.BadUpstream},
		"original ok":            {body(200, "application/json", `{"ok":true}`), wol.BadUpstream},
		"foreign 404":            {body(404, "text/plain", "404 page not found"), wol.BadUpstream},
		"foreign 500":            {body(500, "text/plain", "oops"), wol.BadUpstream},
		"redirect":               {body(302, "text/plain", ""), wol.BadUpstream},
		"empty 204":              {raw("HTTP/1.1 204 X\r\nConnection: close\r\n\r\n"), wol.BadUpstream},
		"cut off":                {raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + good), wol.Unavailable},
		"too large":              {raw("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat(" ", 9<<20)), wol.BadUpstream},
		"endless header":         {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), wol.BadUpstream},
		"switches protocols":     {raw("HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), wol.BadUpstream},
		"our problem":            {body(403, problem.ContentType, `{"status":403,"code":"forbidden","detail":"x"}`), wol.Forbidden},
		"another service's 500":  {body(500, "application/json", `{"status":500,"error":"Internal Server Error"}`), wol.BadUpstream},
		"not found, in our form": {body(404, problem.ContentType, `{"status":404,"code":"not_found","detail":"x"}`), wol.BadUpstream},
		"problem of our past":    {body(418, problem.ContentType, `{"status":418,"code":"teapot"}`), wol.BadUpstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start, req := time.Now(), one()
			if strings.HasPrefix(name, "two") { // targets
				req = two
			}
			got, err := client(t, tt.daemon(t), woltest.Patience).Wake(t.Context(), req)
			if tt.want == "" {
				if diff := cmp.Diff(woltest.Receipts(req), got); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			e, _ := errors.AsType[*wol.Error](err)
			if e == nil || e.Kind != tt.want {
				t.Fatalf("got %v, %v; want kind %s", got, err, tt.want)
			}
			// What takes a call and does not answer it like the daemon may have sent.
			taken := !slices.Contains([]string{"absent", "stale socket", "full backlog", "regular file", "our problem"}, name)
			if e.Unsure != taken {
				t.Errorf("%v: unsure is %v", err, e.Unsure)
			}
			if took := time.Since(start); took > woltest.Patience/2 {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestARefusedRetryIsNotARefusedWake: the first attempt was taken by a daemon that
// then died, and may have been sent; what the second hears is not the whole truth.
func TestARefusedRetryIsNotARefusedWake(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	path := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		_ = problem.From(&wol.Error{Kind: wol.RateLimited}).Write(w)
	}))
	_, err := client(t, path, woltest.Patience).Wake(t.Context(), one())
	if e, ok := errors.AsType[*wol.Error](err); !ok || e.Kind != wol.RateLimited || !e.Unsure || calls.Load() != 2 {
		t.Errorf("%d calls: %#v", calls.Load(), err)
	}
}

// TestClientDoesNotWaitOnASwitchedConnection answers 101 and keeps the
// connection, which net/http then hands out as the body.
func TestClientDoesNotWaitOnASwitchedConnection(t *testing.T) {
	t.Parallel()
	path := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade", "x")
		w.Header().Set("Connection", "upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	start := time.Now()
	_, err := client(t, path, woltest.Patience/4).Wake(t.Context(), one())
	if err == nil || wol.KindOf(err) != wol.BadUpstream || time.Since(start) > woltest.Patience/2 {
		t.Errorf("got %v after %v, want kind bad_upstream", err, time.Since(start))
	}
}

func TestClientGivesUpOnASilentDaemon(t *testing.T) {
	t.Parallel()
	path := woltest.SocketPath(t)
	listener, err := net.Listen("unix", path) // accepts nothing: the backlog takes the connection
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	start := time.Now()
	_, err = client(t, path, 200*time.Millisecond).Wake(t.Context(), one())
	if err == nil || wol.KindOf(err) != wol.Timeout {
		t.Errorf("got %v, want kind timeout", err)
	}
	if took := time.Since(start); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("took %v, want 200ms", took)
	}
}

// TestClientTriesAgainOnABrokenConnection breaks the first two connections of
// every call after the request has been read, as a killed daemon does.
func TestClientTriesAgainOnABrokenConnection(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	path := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%3 != 0 {
			panic(http.ErrAbortHandler)
		}
		_ = json.NewEncoder(w).Encode(woltest.Receipts(one())[0])
	}))
	c := client(t, path, woltest.Patience)
	for range 20 {
		if _, err := c.Wake(t.Context(), one()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientKnowsARefusedConnection closes every connection at once, as a daemon
// does whose --allow-uids does not name the caller.
func TestClientKnowsARefusedConnection(t *testing.T) {
	t.Parallel()
	path := woltest.SocketPath(t)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	c := client(t, path, woltest.Patience)
	for range 500 { // the two ends race
		if _, err := c.Wake(t.Context(), one()); err == nil || wol.KindOf(err) != wol.Unavailable {
			t.Fatalf("got %v, want kind unavailable", err)
		}
	}
}

// TestClientDoesNotClaimThatNothingWasSent kills a daemon for good in the middle
// of a call: what it did before is not known.
func TestClientDoesNotClaimThatNothingWasSent(t *testing.T) {
	t.Parallel()
	for _, pooled := range []bool{false, true} {
		path := woltest.SocketPath(t)
		listener, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{}
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" {
				_, _ = io.WriteString(w, `{"ok":true}`)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			_ = server.Close()
		})
		go func() { _ = server.Serve(listener) }()
		c := client(t, path, woltest.Patience)
		if pooled {
			if err := c.Ping(t.Context(), "id-1"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = c.Wake(t.Context(), one())
		e, _ := errors.AsType[*wol.Error](err)
		if e == nil || e.Kind != wol.Unavailable || !strings.Contains(e.Message, "not known whether") {
			t.Errorf("pooled %v: %v", pooled, err)
		}
		_, err = c.Wake(t.Context(), one())
		if e, _ = errors.AsType[*wol.Error](err); e == nil || e.Kind != wol.Unavailable || !strings.Contains(e.Message, "nothing was sent") {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func TestClientKeepsItsConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	path := woltest.SocketPath(t)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: wolhttp.Handler(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil }), noInterfaces, quiet()),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	c := client(t, path, woltest.Patience)
	for range 1000 {
		if _, err := c.Wake(t.Context(), one()); err != nil {
			t.Fatal(err)
		}
	}
	// One, or a few more on a busy machine: net/http does not wait long for the
	// news that a request had been written before it gives a connection up.
	if n := connections.Load(); n > 20 {
		t.Errorf("1000 calls in a row took %d connections", n)
	}
}

func stale(t *testing.T) string {
	t.Helper()
	path := woltest.SocketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return path
}

func regular(t *testing.T) string {
	t.Helper()
	path := woltest.SocketPath(t)
	if err := os.WriteFile(path, []byte("not a socket"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fullBacklog is a socket on which one connection waits and no more can.
func fullBacklog(t *testing.T) string {
	t.Helper()
	path := woltest.SocketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			return path
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
