package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"wolgate/internal/logs"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// BenchmarkWake asks the whole program, wired as it is run, with keys, limits, audit,
// metrics and log. The daemon and the client are bytes that are ready made. What net/http
// takes for a call that asks nothing is the floor: Fiber allocates nothing for a handler
// that does nothing. The difference is ours, and docs/benchmarks.md says what it is.
func BenchmarkWake(b *testing.B) {
	const key = "0KV7lGkrDlgBCnAvEw3ZJm8xqTzu"
	head := "POST /api/v1/wol/" + woltest.MAC(1).String() + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
	b.Run("gateway", func(b *testing.B) {
		receipts := woltest.Receipts(wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
		answer, err := json.Marshal(receipts[0])
		if err != nil {
			b.Fatal(err)
		}
		woltest.BenchMessage(b, "tcp", serveOver(b, daemon(b, answer), key), []byte(head+"Authorization: Bearer "+key+"\r\n\r\n"))
	})
	b.Run("call", func(b *testing.B) {
		client := http.Client{Transport: &http.Transport{DialContext: unixsock.Dialer(daemon(b, nil)), DisableCompression: true}}
		b.Cleanup(client.CloseIdleConnections)
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithTimeout(b.Context(), woltest.Patience)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://wol-server/wol", http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			answer, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			cancel()
		}
	})
}

// daemon stands in for wol-server and returns its socket.
func daemon(b *testing.B, body []byte) string {
	b.Helper()
	return woltest.Parrot(b, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: id-1\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
}

// serveOver runs the gateway over a daemon's socket and returns its address.
func serveOver(b *testing.B, socket, key string) (address string) {
	b.Helper()
	address = woltest.FreeAddress(b)
	c, _, err := Load([]string{"--listen", address, "--ops-listen", "", "--keys", b.TempDir() + "/keys", "--wol-socket", socket, "--rate", "1000000/s", "--burst", "1000000"},
		[]string{"API_KEY=" + key})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, func(string) string { return "" }, logs.Config{Level: "info", Format: "json"}.New(io.Discard))
	}()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	woltest.AwaitListener(b, address)
	return address
}
