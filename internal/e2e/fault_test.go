package e2e

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// TestAFailedSendIsNeverOK provokes each fault between the request and the wire
// and looks at the status, the time it took and the log under the request's id.
func TestAFailedSendIsNeverOK(t *testing.T) {
	t.Parallel()
	const timeout = 500 * time.Millisecond
	for name, tt := range map[string]struct {
		daemon func(t *testing.T, socket string)
		status int
		code   wol.Kind
		retry  bool
	}{
		"daemon gone":            {func(*testing.T, string) {}, 503, wol.Unavailable, true},
		"daemon hung":            {func(t *testing.T, socket string) { woltest.Answer(t, socket, nil) }, 504, wol.Timeout, false},
		"daemon answers garbage": {func(t *testing.T, socket string) { woltest.Answer(t, socket, []byte("220 smtp ready\r\n")) }, 502, wol.BadUpstream, false},
		"something else answers": {func(t *testing.T, socket string) {
			woltest.Answer(t, socket, []byte("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}"))
		}, 502, wol.BadUpstream, false},
		"daemon hangs up": {func(t *testing.T, socket string) { woltest.Answer(t, socket, []byte{}) }, 503, wol.Unavailable, true},
		"socket is a file": {func(t *testing.T, socket string) {
			if err := os.WriteFile(socket, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 503, wol.Unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := woltest.SocketPath(t)
			tt.daemon(t, socket)
			st := newStack(t, "", socket)
			st.startGateway(t, "--timeout", timeout.String())
			begin := time.Now()
			a := st.wake(t, someMAC)
			took := time.Since(begin)
			p := a.problem(t)
			if a.status != tt.status || p.Code != tt.code {
				t.Errorf("status %d, code %s; want %d, %s", a.status, p.Code, tt.status, tt.code)
			}
			if took > timeout+woltest.Patience/2 {
				t.Errorf("took %v", took)
			}
			if got := a.header.Get("Retry-After") != ""; got != tt.retry {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
			line := st.gateway.log.wait(t, "request_id", a.requestID, "kind", string(tt.code))
			if cause, _ := line["err"].(string); cause == "" || line["level"] != "ERROR" {
				t.Errorf("log line %v", line)
			}
		})
	}
}

// TestNoInterface runs both programs on a host with loopback alone.
func TestNoInterface(t *testing.T) {
	lantest.Require(t)
	st := start(t, setup{})
	a := st.wake(t, someMAC)
	if p := a.problem(t); a.status != http.StatusServiceUnavailable || p.Code != wol.Unavailable || len(p.Failed) != 0 {
		t.Errorf("status %d, %+v", a.status, p)
	}
	st.daemon.log.wait(t, "request_id", a.requestID, "kind", "unavailable")
	st.gateway.log.wait(t, "request_id", a.requestID, "kind", "unavailable")

	// The host's network comes up, and the next wake goes out.
	lan := lantest.New(t, "late0", "10.30.0.1/24")
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	if _, ok := lan.Next(woltest.Patience); !ok {
		t.Error("no packet on the network that came up")
	}
}

// TestNetworkDown takes the only interface down.
func TestNetworkDown(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "only0", "10.31.0.1/24")
	st := start(t, setup{daemon: []string{"--repeat", "1"}})
	if got := st.wake(t, someMAC).receipt(t).Status; got != wol.Sent {
		t.Fatalf("with the network up: %s", got)
	}
	for _, fault := range []struct {
		begin, end func()
		says       string
	}{
		{lan.Down, lan.Up, "network is down"},
		{lan.CarrierOff, lan.CarrierOn, "no carrier"},
	} {
		fault.begin()
		a := st.wakeUntil(t, func(a answer) bool { return a.status != http.StatusOK })
		p := a.problem(t)
		if a.status != http.StatusServiceUnavailable || len(p.Failed) != 2 || p.Failed[0].Interface != "only0" {
			t.Errorf("%s: status %d, %s", fault.says, a.status, a.body)
		}
		a = st.wakeUntil(t, func(a answer) bool { return fails(a.problem(t).Failed, fault.says) })
		line := st.daemon.log.wait(t, "request_id", a.requestID)
		if cause, _ := line["err"].(string); !strings.Contains(cause, fault.says) || !strings.Contains(cause, "only0") {
			t.Errorf("%s: the log does not say so: %v", fault.says, line)
		}
		fault.end()
		st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	}
}

// slowDaemon serves the real contract over a waker that waits for release.
func slowDaemon(t *testing.T, socket string, inside chan<- struct{}, release <-chan struct{}) {
	t.Helper()
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		inside <- struct{}{}
		<-release
		return woltest.Receipts(req), nil
	})
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: wolhttp.Handler(waker, nil, slog.New(slog.DiscardHandler))}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}

// fails says whether every failure on the list, which is not empty, says so.
func fails(list []wol.Failure, reason string) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(f wol.Failure) bool { return f.Error != reason })
}
