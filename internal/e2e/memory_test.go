package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestShippedMemoryIsEnough runs both programs with the memory limits of the compose files
// on a host where 70 interfaces are missing, has three keys and peers of the socket ask for
// more than could be held, and read none of it. Others are answered meanwhile, and what is
// answered is what happened.
func TestShippedMemoryIsEnough(t *testing.T) {
	t.Parallel()
	const daemonLimit, gatewayLimit = 64 << 20, 256 << 20 // of deploy/services.yaml
	destinations := []string{"127.255.255.255:9"}
	for n := range 70 {
		destinations = append(destinations, fmt.Sprintf("[ff02::1%%dead%d]:9", n), fmt.Sprintf("[ff02::1%%dead%d]:7", n))
	}
	st := newStack(t, woltest.Build(t), woltest.SocketPath(t))
	daemon := exec.Command(filepath.Join(st.bin, "wol-server"), "--socket", st.socket, "--repeat", "1", "--max-pps", "1000000", "--destinations", strings.Join(destinations, ","))
	daemon.Env = []string{"GOMEMLIMIT=48MiB"}
	st.daemon = startCommand(t, daemon)
	st.daemon.log.wait(t, "msg", "listening")
	st.environ = []string{"GOMEMLIMIT=200MiB"}
	keys := []string{st.key, addKey(t, st.keys, "second"), addKey(t, st.keys, "third")}
	st.startGateway(t)
	st.daemon.log.mute(true)
	st.gateway.log.mute(true)

	var req wol.Request
	for n := range wol.MaxTargets {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	text, err := json.Marshal(req.Body())
	if err != nil {
		t.Fatal(err)
	}
	body := string(text)
	hold := func(network, address, head string) {
		c, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		request := fmt.Sprintf("%s\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
		go func() { _, _ = io.WriteString(c, strings.Repeat(request, 3)) }() // which ends with c
	}
	for n := range 60 {
		hold("tcp", strings.TrimPrefix(st.url, "http://"), "POST /api/v1/wol HTTP/1.1\r\nAuthorization: "+keys[n%len(keys)])
		hold("unix", st.socket, "POST /wol HTTP/1.1")
	}
	count := map[int]int{}
	for began := time.Now(); count[http.StatusOK] < 3 || time.Since(began) < time.Second; {
		a := st.ask(t, http.MethodPost, "/api/v1/wol", body)
		count[a.status]++
		if a.status != http.StatusOK {
			if a.status == http.StatusBadGateway || time.Since(began) > woltest.Patience {
				t.Fatalf("%v, the last: %s", count, a.body)
			}
			continue // there is no room, or no time
		}
		if got, err := wol.ParseReceipts(a.body); err != nil || len(got.Receipts) != wol.MaxTargets || len(got.Receipts[999].Failed) != 140 {
			t.Fatalf("%v: %.300s", err, a.body)
		}
	}
	if a := st.wake(t, someMAC); a.status != http.StatusOK {
		t.Errorf("a wake of one target: %d %s", a.status, a.body)
	}
	st.daemon.mustLive(t)
	st.gateway.mustLive(t)
	held, kept := st.daemon.memory(t, "VmHWM"), st.gateway.memory(t, "VmHWM")
	t.Logf("answers by status: %v; daemon %s, gateway %s", count, mib(held), mib(kept))
	if held > daemonLimit || kept > gatewayLimit {
		t.Errorf("the daemon held up to %s, the gateway %s", mib(held), mib(kept))
	}
}

// memory reads how much of a process is in memory (VmRSS), or was at most (VmHWM), from
// proc(5).
func (p *process) memory(t *testing.T, field string) (bytes int) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + p.pid() + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			return number(t, strings.TrimSuffix(strings.TrimSpace(value), " kB")) << 10
		}
	}
	t.Fatalf("no %s in the status of %s", field, p.cmd.Path)
	return 0
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mib(bytes int) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// mustLive fails the test at once where a program has ended.
func (p *process) mustLive(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
		t.Fatalf("%s has ended: %v; log:\n%s", p.cmd.Path, p.cmd.ProcessState, p.log)
	default:
	}
}
