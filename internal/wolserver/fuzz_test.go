package wolserver_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// FuzzSocket says anything to the socket of a whole daemon, on a connection that ends
// with it: the daemon goes on, wakes what its allow-list has and nothing else, and keeps
// neither goroutine nor descriptor.
func FuzzSocket(f *testing.F) {
	const mac = "02:00:00:00:00:01"
	wake := "POST /wol/" + mac + " HTTP/1.1\r\nHost: localhost\r\n"
	for _, seed := range []string{
		"",
		"\x00",
		"\r\n\r\n",
		wake + "\r\n",
		strings.Repeat(wake+"\r\n", 3),
		wake + "\r\nPOST /wol/02:00:00:00:00:02 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		wake + "Content-Length: 26\r\nContent-Type: application/json\r\n\r\n{\"secureon\":\"c0a80107aabb\"}",
		wake + "Content-Length: 99999999\r\n\r\n{",
		wake + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nGET /",
		wake + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		wake + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
		wake + "Transfer-Encoding: gzip\r\n\r\n",
		wake + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		wake + "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		wake + "Wol-Deadline: 1\r\n\r\n",
		wake + "Origin: null\r\n\r\n",
		wake + "X: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /interfaces HTTP/1.0\r\n\r\n",
		"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"POST /wol HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 54\r\n\r\n" +
			`{"targets":[{"mac_addr":"` + mac + `","secureon":""}]}` + "    ",
	} {
		f.Add([]byte(seed))
	}
	allow := filepath.Join(f.TempDir(), "allow")
	if err := os.WriteFile(allow, []byte(mac+"\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	r := woltest.Listen(f)
	path := serve(f, r, "--allow", allow)
	allowed := woltest.Packet(f, wol.Target{MAC: woltest.MAC(1)})
	var openFiles, goroutines int
	within(f, "the connections of the start are gone", func() bool {
		before := openFiles + goroutines
		openFiles, goroutines = descriptors(f), runtime.NumGoroutine()
		return openFiles+goroutines == before
	})
	f.Cleanup(func() {
		within(f, "descriptors and goroutines are as before", func() bool {
			return descriptors(f) <= openFiles && runtime.NumGoroutine() <= goroutines
		})
	})
	ours := regexp.MustCompile(`^(HTTP/1\.[01] (?:[1-4]\d\d|501|504|505) |$)`)
	broken := regexp.MustCompile(`HTTP/1\.[01] 50[023] `)
	f.Fuzz(func(t *testing.T, say []byte) {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(woltest.Patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(say) // not all of it, where the daemon has heard enough
		_ = conn.(*net.UnixConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		if os.IsTimeout(err) {
			t.Fatalf("the daemon waits for more than there is; it said %q", answer)
		}
		if !ours.Match(answer) || broken.Match(answer) {
			t.Errorf("the answer is %q", answer)
		}
		// A place may be taken for a moment by what was said before (net/http).
		within(t, "the daemon goes on", func() bool { return ping(t, path) == nil })
		for {
			packet, ok := r.Wait(time.Millisecond)
			if !ok {
				break
			}
			if !bytes.HasPrefix(packet, allowed) {
				t.Errorf("a packet left that is not allowed: %x", packet)
			}
			if !bytes.Contains(answer, []byte(" 200 OK")) {
				t.Errorf("a packet left, and the answer is %q", answer)
			}
		}
	})
}
