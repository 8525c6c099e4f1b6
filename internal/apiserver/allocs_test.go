//go:build !race

package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/logs"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// mostAllocations is how many allocations a wake may take in api-server beyond what
// Fiber needs for a handler that does nothing and net/http for a call that asks and
// answers nothing. There are 60, and 15 would be good: docs/benchmarks.md says what they
// are. Take this down with them.
const mostAllocations = 62

// TestAllocationsPerWake counts in the whole program, wired as it is run, with keys,
// limits, audit, metrics and log. The daemon and the client are bytes that are ready
// made. The race detector makes sync.Pool forget at random, so there it is left out.
func TestAllocationsPerWake(t *testing.T) {
	const key = "0KV7lGkrDlgBCnAvEw3ZJm8xqTzu"
	head := "POST /api/v1/wol/" + woltest.MAC(1).String() + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	answer, err := json.Marshal(woltest.Receipts(wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}}})[0])
	if err != nil {
		t.Fatal(err)
	}
	ours, body := woltest.AllocationsPerMessage(t, "tcp", gatewayOver(t, parrot(t, answer), key), []byte(head+"Authorization: Bearer "+key+"\r\n\r\n"))
	fiberAlone, _ := woltest.AllocationsPerMessage(t, "tcp", emptyFiber(t), []byte(head+"\r\n"))
	call := emptyCall(t, parrot(t, nil))
	t.Logf("a wake allocates %v times in api-server; an empty handler of Fiber %v, an empty call of net/http %v. The answer:\n%s", ours, fiberAlone, call, body)
	if added := ours - fiberAlone - call; added > mostAllocations {
		t.Errorf("api-server adds %v allocations to a wake, want %d at most", added, mostAllocations)
	}
}

// parrot stands in for the daemon and returns its socket.
func parrot(t *testing.T, body []byte) string {
	t.Helper()
	return woltest.Parrot(t, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: id-1\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

func gatewayOver(t *testing.T, socket, key string) (address string) {
	t.Helper()
	address = woltest.FreeAddress(t)
	c, _, err := Load([]string{"--listen", address, "--ops-listen", "", "--keys", t.TempDir() + "/keys", "--wol-socket", socket, "--rate", "1000000/s", "--burst", "1000000"},
		[]string{"API_KEY=" + key})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, func(string) string { return "" }, logs.Config{Level: "info", Format: "json"}.New(io.Discard))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	awaitListener(t, address)
	return address
}

func emptyFiber(t *testing.T) (address string) {
	t.Helper()
	address = woltest.FreeAddress(t)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/api/v1/wol/:mac_addr", func(*fiber.Ctx) error { return nil })
	ended := make(chan error, 1)
	go func() { ended <- app.Listen(address) }()
	awaitListener(t, address)
	t.Cleanup(func() {
		_ = app.Shutdown()
		<-ended
	})
	return address
}

// emptyCall counts what net/http allocates for a POST of nothing to a daemon that
// answers nothing, with a deadline, on a connection that is kept.
func emptyCall(t *testing.T, socket string) float64 {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: unixsock.Dialer(socket), DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return testing.AllocsPerRun(1000, func() {
		ctx, cancel := context.WithTimeout(t.Context(), woltest.Patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://wol-server/wol", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	})
}

func awaitListener(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(woltest.Patience); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
