package e2e

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// TestClientsGoneInMidCall has clients ask and go while the daemon is silent. fasthttp
// does not notice that, so that what a call holds is given back by its own deadline. It
// is not parallel, because it measures time.
func TestClientsGoneInMidCall(t *testing.T) {
	const clients, within, slack = 200, 3 * time.Second, 5
	socket := woltest.SocketPath(t)
	woltest.Accept(t, socket, func(conn net.Conn) {
		// As wol-server does, but sooner, it hangs up where nothing is asked: net/http keeps
		// a connection whose call ended while it was being made.
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return
		}
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, conn) // until the caller gives up
	})
	p := newStack(t, woltest.Build(t), socket)
	p.startGateway(t, "--timeout", "1s", "--ops-listen", "127.0.0.1:0")
	p.gateway.log.mute(true)
	stacks := "http://" + p.gateway.log.wait(t, "msg", "metrics")["address"].(string) + "/debug/pprof/goroutine?debug=1"
	address := strings.TrimPrefix(p.url, "http://")
	descriptorsBefore, goroutinesBefore := descriptors(t, p.gateway.pid()), busy(t, stacks)
	request := "POST /api/v1/wol/" + someMAC + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + p.key + "\r\nContent-Length: 0\r\n\r\n"
	for round := range 3 {
		var conns []net.Conn
		for range clients {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		// More descriptors than clients means that calls are under way.
		for deadline := time.Now().Add(woltest.Patience); descriptors(t, p.gateway.pid()) < descriptorsBefore+clients+10; {
			if time.Now().After(deadline) {
				t.Fatalf("%d descriptors with %d clients", descriptors(t, p.gateway.pid()), clients)
			}
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
		gone := time.Now()
		for {
			d, g := descriptors(t, p.gateway.pid())-descriptorsBefore, busy(t, stacks)-goroutinesBefore
			if d <= slack && g <= slack {
				t.Logf("round %d: everything was given back after %v", round+1, time.Since(gone).Round(time.Millisecond))
				break
			}
			if time.Since(gone) > within {
				t.Fatalf("round %d: %v after the clients have gone there are %d descriptors and %d goroutines more than before", round+1, within, d, g)
			}
			time.Sleep(10 * time.Millisecond) // between two looks
		}
	}
}

// busy counts the goroutines of a gateway, but not the workers of fasthttp that have
// nothing to do and stay for ten seconds more.
func busy(t *testing.T, stacks string) int {
	t.Helper()
	response, err := http.Get(stacks)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for group := range strings.SplitSeq(string(text), "\n\n") {
		head := regexp.MustCompile(`(?m)^(\d+) @ `).FindStringSubmatch(group)
		if head == nil || strings.Contains(group, "(*workerPool).workerFunc") && !strings.Contains(group, ").serveConn") {
			continue
		}
		n, err := strconv.Atoi(head[1])
		if err != nil {
			t.Fatal(err)
		}
		count += n
	}
	return count
}
