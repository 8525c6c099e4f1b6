package e2e

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// bound is how long either program may take to end after SIGTERM.
const bound = 5 * time.Second

// TestDaemonDrainsOnSIGTERM ends a real daemon with copies still due.
func TestDaemonDrainsOnSIGTERM(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, []string{"--destinations", r.Addr().String(), "--repeat", "4", "--repeat-interval", "2s"})
	const wakes = 20
	for n := range wakes {
		p.wake(t, woltest.MAC(n+1).String()).receipt(t)
	}
	began := time.Now()
	p.daemon.signal(syscall.SIGTERM)
	if code := p.daemon.exit(t); code != 0 {
		t.Errorf("exit code %d; log:\n%s", code, p.daemon.log)
	}
	if took := time.Since(began); took > bound {
		t.Errorf("took %v", took)
	}
	if _, err := os.Lstat(p.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	got := map[string]int{}
	for range 4 * wakes {
		got[string(r.Next(t))]++
	}
	for n := range wakes {
		if copies := got[string(woltest.Packet(t, wol.Target{MAC: woltest.MAC(n + 1)}))]; copies != 4 {
			t.Errorf("target %d was sent %d copies, want 4", n+1, copies)
		}
	}
	r.Nothing(t)
	if a := p.wake(t, someMAC); a.problem(t).Code != wol.Unavailable {
		t.Errorf("after the end: status %d", a.status)
	}
}

// TestGatewayFinishesWhatIsUnderWay holds requests in a slow daemon while
// SIGTERM arrives.
func TestGatewayFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	const requests = 20
	release := make(chan struct{})
	inside := make(chan struct{}, requests)
	socket := woltest.SocketPath(t)
	slowDaemon(t, socket, inside, release)
	p := newStack(t, woltest.Build(t), socket)
	p.startGateway(t)

	answers := make(chan int, requests)
	for range requests {
		go func() {
			a, err := p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
			if err != nil {
				t.Error(err)
			}
			answers <- a.status
		}()
	}
	for range requests {
		<-inside
	}
	began := time.Now()
	p.gateway.signal(syscall.SIGTERM)
	p.gateway.log.wait(t, "msg", "stopping")
	address := strings.TrimPrefix(p.url, "http://")
	for deadline := time.Now().Add(woltest.Patience); ; { // until new requests are refused
		conn, err := net.Dial("tcp", address)
		if errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		if err == nil {
			_ = conn.Close()
		}
		if time.Now().After(deadline) {
			t.Fatal("new connections are still accepted")
		}
	}
	close(release)
	for range requests {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("a request under way got status %d", status)
		}
	}
	if code := p.gateway.exit(t); code != 0 {
		t.Errorf("exit code %d; log:\n%s", code, p.gateway.log)
	}
	if took := time.Since(began); took > bound {
		t.Errorf("took %v", took)
	}
}

// TestSIGTERMWithAHungDaemon ends a gateway whose call gets no answer: its
// client gets one.
func TestSIGTERMWithAHungDaemon(t *testing.T) {
	t.Parallel()
	socket := woltest.SocketPath(t)
	inside, release := make(chan struct{}, 1), make(chan struct{})
	t.Cleanup(func() { close(release) })
	slowDaemon(t, socket, inside, release)
	p := newStack(t, woltest.Build(t), socket)
	p.startGateway(t, "--timeout", "1m")
	asked := make(chan answer, 1)
	go func() {
		a, err := p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
		if err != nil {
			t.Error(err)
		}
		asked <- a
	}()
	<-inside
	began := time.Now()
	p.gateway.signal(syscall.SIGTERM)
	if a := <-asked; a.status != http.StatusGatewayTimeout {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if code := p.gateway.exit(t); code != 0 || time.Since(began) > bound {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
}

// TestSIGTERMWithIdleAndHalfSentRequests ends both programs while connections
// hang on them.
func TestSIGTERMWithIdleAndHalfSentRequests(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))
	p.wake(t, someMAC).receipt(t) // leaves idle connections on both
	for network, address := range map[string]string{"tcp": strings.TrimPrefix(p.url, "http://"), "unix": p.socket} {
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("POST /wol HTTP/1.1\r\nHost: x\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	p.gateway.signal(syscall.SIGTERM)
	p.daemon.signal(syscall.SIGTERM)
	if a, b := p.gateway.exit(t), p.daemon.exit(t); a != 0 || b != 0 {
		t.Errorf("exit codes %d and %d", a, b)
	}
	if took := time.Since(began); took > bound {
		t.Errorf("took %v", took)
	}
}
