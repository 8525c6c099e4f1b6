package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/woltest"
)

// TestWhatLibrariesSayIsLoggedLikeAllElse has a foreign daemon that says more than it
// was asked for, of which net/http tells by package log.
func TestWhatLibrariesSayIsLoggedLikeAllElse(t *testing.T) {
	t.Parallel()
	socket := woltest.SocketPath(t)
	woltest.Accept(t, socket, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}")
			time.Sleep(20 * time.Millisecond) // until the connection is idle
			fmt.Fprint(c, "and another thing")
		}
	})
	p := newStack(t, woltest.Build(t), socket)
	p.startGateway(t)
	deadline := time.Now().Add(woltest.Patience)
	for !strings.Contains(p.gateway.log.String(), "Unsolicited response") {
		if time.Now().After(deadline) {
			t.Fatalf("net/http says nothing:\n%s", p.gateway.log)
		}
		p.ask(t, http.MethodGet, "/readyz", "")
		time.Sleep(100 * time.Millisecond) // between two tries
	}
	for _, line := range p.gateway.log.all() {
		if line["plain"] != nil {
			t.Errorf("no JSON: %v", line)
		}
	}
}

// TestTheOperatorsListenerIsBounded: whoever holds every connection of it takes none
// from clients, and a page from elsewhere gets nothing.
func TestTheOperatorsListenerIsBounded(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--ops-listen", "127.0.0.1:0")
	ops := p.gateway.log.wait(t, "msg", "metrics")["address"].(string)
	for host, want := range map[string]int{ops: 200, "localhost:9091": 200, "[::1]": 200, "evil.example": 403, "localhost.evil.example:9091": 403} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ops+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("Host %s: status %d, want %d", host, response.StatusCode, want)
		}
	}
	before := descriptors(t, p.gateway.pid())
	for range 200 {
		c, err := net.Dial("tcp", ops)
		if err != nil { // refused
			continue
		}
		defer c.Close()
		fmt.Fprint(c, "GET /debug/pprof/cmdline HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	p.wake(t, someMAC).receipt(t)
	if now := descriptors(t, p.gateway.pid()); now > before+40 {
		t.Errorf("%d descriptors, before it %d", now, before)
	}
}

// TestAKeyThatNobodySawIsTakenBack writes it to a full device.
func TestAKeyThatNobodySawIsTakenBack(t *testing.T) {
	t.Parallel()
	bin, file := woltest.Build(t), filepath.Join(lantest.SharedDir(t), "keys.json")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	addKey(t, file, "first")
	add := startFile(t, full, filepath.Join(bin, "api-server"), "keys", "add", "second", "--keys", file)
	if code := add.exit(t); code == 0 || !strings.Contains(add.log.String(), "taken back") {
		t.Errorf("exit %d: %s", code, add.log)
	}
	if code, out, _ := run(t, nil, filepath.Join(bin, "api-server"), "keys", "list", "--keys", file); code != 0 || strings.Contains(out, "second") || !strings.Contains(out, "first") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// TestSIGTERMKeepsThePacketBudget: what the budget holds back is not let out at once
// when the daemon ends.
func TestSIGTERMKeepsThePacketBudget(t *testing.T) {
	t.Parallel()
	const perSecond, targets = 200, 300
	r := woltest.Listen(t)
	p := startPrograms(t, []string{"--destinations", r.Addr().String(), "--repeat", "20", "--repeat-interval", "10ms", "--max-pps", fmt.Sprint(perSecond)})
	var names []string
	for n := range targets {
		names = append(names, `{"mac_addr":"`+woltest.MAC(n+1).String()+`"}`)
	}
	var times []time.Time
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, ok := r.Wait(woltest.Patience); ok; _, ok = r.Wait(2 * time.Second) {
			times = append(times, time.Now())
		}
	}()
	if a := p.ask(t, http.MethodPost, "/api/v1/wol", `{"targets":[`+strings.Join(names, ",")+`]}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	time.Sleep(time.Second) // of copies
	p.daemon.signal(syscall.SIGTERM)
	<-ended
	if code := p.daemon.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
	most := 0
	for i, from := 0, 0; i < len(times); i++ {
		for times[i].Sub(times[from]) > time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	if most > 2*perSecond+perSecond/10 || len(times) < targets {
		t.Errorf("%d packets, %d of them within a second, with a budget of %d", len(times), most, perSecond)
	}
}
