package wolhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// say sends bytes that no client library would to a socket and returns the status
// and the body of the answer.
func say(t *testing.T, path, request string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(woltest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	head, body, found := strings.Cut(string(answer), "\r\n\r\n")
	fields := strings.Fields(head)
	if err != nil || !found || len(fields) < 2 {
		t.Fatalf("%q: %v: %q", request, err, answer)
	}
	status, err = strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

// TestOnlyProgramsAreServed speaks raw bytes on a real socket: presence counts, not
// the value, in any spelling.
func TestOnlyProgramsAreServed(t *testing.T) {
	t.Parallel()
	var wakes atomic.Int32
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		wakes.Add(1)
		return woltest.Receipts(req), nil
	})
	path := serve(t, wolhttp.Handler(waker, noInterfaces, quiet()))
	const mac = "02:00:00:00:00:01"
	const local = "Host: localhost\r\n"
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	for _, tt := range []struct {
		target, header, body string
		status               int
	}{
		{"/wol/" + mac, "Host: wol-server\r\n", "", 200},
		{"/wol/" + mac, "Host: wol\r\n", "", 200},
		{"/wol/" + mac, local, "", 200},
		{"/wol/" + mac, "Host: LOCALHOST\r\n", "", 200},
		{"/wol/" + mac, "Host: localhost:8080\r\n", "", 200},
		{"/wol/" + mac, "Host:\r\n", "", 200},
		{"http://localhost/wol/" + mac, local, "", 200},

		{"/wol/" + mac, local + "Origin: https://evil.example\r\n", "", 403},
		{"/wol/" + mac, local + "Origin: null\r\n", "", 403},
		{"/wol/" + mac, local + "Origin:\r\n", "", 403},
		{"/wol/" + mac, local + "oRIGIN: \r\n", "", 403},
		{"/wol/" + mac, local + "Referer: https://evil.example/\r\n", "", 403},
		{"/wol/" + mac, local + "Referer:\r\n", "", 403},
		{"/wol/" + mac, local + "Sec-Fetch-Site: same-origin\r\n", "", 403},
		{"/wol/" + mac, local + "sec-fetch-mode:\r\n", "", 403},
		{"/wol/" + mac, local + "Sec-Fetch-Anything: x\r\n", "", 403},
		{"/wol/" + mac, "Host: evil.example\r\n", "", 403},
		{"/wol/" + mac, "Host: localhost.evil.example\r\n", "", 403},
		{"/wol/" + mac, "Host: localhost.\r\n", "", 403},
		{"/wol/" + mac, "Host: 127.0.0.1\r\n", "", 403},
		{"/wol/" + mac, "Host: [::1]:80\r\n", "", 403},
		{"/wol/" + mac, "Host: :80\r\n", "", 403},
		{"/wol/" + mac, "Host: localhost:x\r\n", "", 403},
		{"http://evil.example/wol/" + mac, local, "", 403},

		{"/wol/" + mac + "?", local, "", 400},
		{"/wol/" + mac + "?interface=eth0", local, "", 400},

		{"/wol/" + mac, local, "{}", 200},
		{"/wol/" + mac, local + form, "", 200}, // curl -d '' says so
		{"/wol/" + mac, local + "Content-Type: application/json\r\n", "{}", 200},
		{"/wol/" + mac, local + "Content-Type: Application/JSON; charset=utf-8\r\n", "{}", 200},
		{"/wol/" + mac, local + form, "{}", 415},
		{"/wol/" + mac, local + "Content-Type: text/plain\r\n", "{}", 415},
		{"/wol/" + mac, local + "Content-Type:\r\n", "{}", 415},
		{"/wol/" + mac, local + "Content-Type: application/json, text/plain\r\n", "{}", 415},
		{"/wol/" + mac, local + "Content-Type: application/json\r\nContent-Type: text/plain\r\n", "{}", 415},
	} {
		before := wakes.Load()
		status, body := say(t, path, fmt.Sprintf("POST %s HTTP/1.1\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", tt.target, tt.header, len(tt.body), tt.body))
		if woke := wakes.Load() > before; status != tt.status || woke != (tt.status == 200) {
			t.Errorf("%s %q %q: status %d, want %d; woke %v", tt.target, tt.header, tt.body, status, tt.status, woke)
		}
		if p := (problem.Problem{}); status != 200 && (json.Unmarshal([]byte(body), &p) != nil || p.Status != status || strings.Contains(body, "evil")) {
			t.Errorf("%s %q: body %s", tt.target, tt.header, body)
		}
	}
	for _, page := range []string{"/healthz", "/interfaces", "/nothing"} { // none of it is for pages
		if status, _ := say(t, path, "GET "+page+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Dest: document\r\n\r\n"); status != 403 {
			t.Errorf("%s: status %d, want 403", page, status)
		}
	}
	if status, _ := say(t, path, "GET /healthz HTTP/1.0\r\n\r\n"); status != 200 { // HTTP/1.0 has no Host
		t.Errorf("HTTP/1.0: status %d, want 200", status)
	}
}
