package wolserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

// total is how many connections the daemon keeps, which is twice the gateway's.
const total = 128

// serve runs the daemon, which sends to r, until the test ends and returns its socket.
func serve(t testing.TB, r *woltest.Receiver, flags ...string) string {
	t.Helper()
	return run(t, slog.New(slog.DiscardHandler), append([]string{"--destinations", r.Addr().String()}, flags...)...)
}

// run runs a daemon that sends where the flags say, until the test ends, and returns its socket.
func run(t testing.TB, log *slog.Logger, flags ...string) string {
	t.Helper()
	path := woltest.SocketPath(t)
	c, _, err := wolserver.Load(append([]string{"--socket", path, "--repeat", "1"}, flags...), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.ReadTimeout = time.Second
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- wolserver.Run(ctx, c, func(string) string { return "" }, log)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	within(t, "the daemon serves", func() bool { return ping(t, path) == nil })
	return path
}

// within fails the test unless something becomes true in time.
func within(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(woltest.Patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", woltest.Patience, what)
		}
	}
}

// ping asks on a connection of its own.
func ping(t testing.TB, path string) error {
	c := wolhttp.NewClient(unixsock.Dialer(path), woltest.Patience)
	defer c.Close()
	return c.Ping(t.Context(), "id-1")
}

// wake makes a call as soon as there is a place for it; its packet must leave.
func wake(t testing.TB, path string, r *woltest.Receiver) {
	t.Helper()
	c := wolhttp.NewClient(unixsock.Dialer(path), woltest.Patience)
	defer c.Close()
	within(t, "a call succeeds", func() bool {
		_, err := c.Wake(t.Context(), wol.Request{ID: "id-1", Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
		return err == nil
	})
	r.Next(t)
}

// crowd connects n times, writes words to each connection and returns them. Writing may
// fail where the daemon closes the connection at once.
func crowd(t *testing.T, path string, n int, words string) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, 0, n)
	for range n {
		var conn net.Conn
		within(t, "the backlog takes a connection", func() (ok bool) {
			c, err := net.Dial("unix", path)
			conn = c
			return err == nil
		})
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, words)
		conns = append(conns, conn)
	}
	return conns
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestNamesOfNothingAreSaid names interfaces that are not there, one of them with the quote
// that "docker run --env-file" leaves, in a daemon that is ended as soon as it serves.
func TestNamesOfNothingAreSaid(t *testing.T) {
	t.Parallel()
	var stderr woltest.Buffer
	ended, end := context.WithCancel(t.Context())
	end()
	code := wolserver.Main(ended, []string{
		"serve", "--socket", woltest.SocketPath(t), "--interfaces", "lo,missing0,none*",
		"--exclude-interfaces", `docker*,missing1"`, "--destinations", "127.255.255.255,[ff02::1%missing2]:9,[ff02::1%lo]:9",
	}, nil, io.Discard, &stderr)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := []string{
		`--interfaces (WOL_INTERFACES) names the interface "missing0"`,
		`--exclude-interfaces (WOL_EXCLUDE_INTERFACES) names the interface "missing1\""`,
		`--destinations (WOL_DESTINATIONS) names the interface "missing2"`,
	}
	var got []string
	for text := range strings.Lines(stderr.String()) {
		var line struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if what, _, ok := strings.Cut(line.Msg, ", which"); ok && line.Level == "WARN" {
			got = append(got, what)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\nin %s", diff, stderr.String())
	}
}

// TestConnectionsAreBounded has one client that keeps every connection: it asks once on
// each, so that no deadline of a request ends it. It is not parallel, because it counts
// the descriptors of the process.
func TestConnectionsAreBounded(t *testing.T) {
	r := woltest.Listen(t)
	path := serve(t, r)
	wake(t, path, r)
	before := descriptors(t)

	conns := crowd(t, path, 1000, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	open := 0
	for i, conn := range conns { // mostly the first: a place that a ping had may come late
		if err := conn.SetReadDeadline(time.Now().Add(woltest.Patience)); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			continue // closed
		}
		if response.StatusCode != http.StatusOK {
			t.Errorf("connection %d is answered with status %d", i+1, response.StatusCode)
		}
		open++
	}
	if open < total-2 || open > total { // the pings before may take a moment to go
		t.Errorf("%d connections are open, want %d", open, total)
	}
	// 1000 ends of this client's are in this process as well.
	if n := descriptors(t) - before; n > 1000+total+2 {
		t.Errorf("%d descriptors more", n)
	}
	if open == total {
		if err := ping(t, path); err == nil || wol.KindOf(err) != wol.Unavailable {
			t.Errorf("the 129th connection: %v", err)
		}
	}

	for _, conn := range conns {
		_ = conn.Close()
	}
	within(t, "calls succeed again", func() bool { return ping(t, path) == nil })
	wake(t, path, r)
	within(t, "the descriptors are back", func() bool { return descriptors(t) <= before })
}

// TestHalfRequestsGiveTheirPlaceBack has a client that sends half a request on each of a
// thousand connections and waits: the daemon ends them by itself.
func TestHalfRequestsGiveTheirPlaceBack(t *testing.T) {
	for _, half := range []string{"", "POST /wol/02:00:00:00:00:01 HTTP/1.1\r\nHost: lo", "POST /wol/02:00:00:00:00:01 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"} {
		t.Run(fmt.Sprint(len(half), " bytes"), func(t *testing.T) {
			t.Parallel()
			r := woltest.Listen(t)
			path := serve(t, r)
			crowd(t, path, 1000, half)
			within(t, "calls succeed while the others stay", func() bool { return ping(t, path) == nil })
			wake(t, path, r)
			r.Nothing(t)
		})
	}
}

// TestOptionsForTheServerIsRefused sends a request that net/http would answer by itself,
// before the handler has checked the client.
func TestOptionsForTheServerIsRefused(t *testing.T) {
	path := serve(t, woltest.Listen(t))
	conn := crowd(t, path, 1, "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\nOrigin: https://evil.example\r\n\r\n")[0]
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", response, err)
	}
}
