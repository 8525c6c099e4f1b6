package page

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/woltest"
)

// hostAddress is where the browser finds this host: an address on the LAN, as users
// type it. On plain HTTP a browser trusts it less than it would loopback.
const hostAddress = "10.10.0.1"

// programs is both real programs, with one LAN to send on.
type programs struct {
	lan       *lantest.LAN
	port, key string
}

func start(t *testing.T) *programs {
	t.Helper()
	p := &programs{lan: lantest.New(t, "lana", hostAddress+"/24")}
	bin := woltest.Build(t)
	dir := filepath.Dir(woltest.SocketPath(t))
	socket, keys := filepath.Join(dir, "s"), filepath.Join(dir, "keys.json")
	out, err := exec.Command(filepath.Join(bin, "api-server"), "keys", "add", "tester", "--scope", "wake", "--keys", keys).Output()
	if err != nil {
		t.Fatalf("keys add: %v", err)
	}
	p.key = strings.TrimSpace(string(out))
	listening(t, exec.Command(filepath.Join(bin, "wol-server"), "--socket", socket, "--repeat", "1"))
	// Proxies come from loopback, the browser does not; only the former are believed.
	at := listening(t, exec.Command(filepath.Join(bin, "api-server"), "--listen", "0.0.0.0:0", "--wol-socket", socket, "--keys", keys,
		"--ops-listen", "", "--trusted-proxies", "127.0.0.1/32"))
	if _, p.port, err = net.SplitHostPort(at); err != nil {
		t.Fatal(err)
	}
	return p
}

// listening starts one of our programs and returns the address that its log says it
// listens on.
func listening(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	spawn(t, cmd)
	address := make(chan string, 1)
	go func() { // until the program ends
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				address <- line.Address
			}
		}
		close(address)
	}()
	select {
	case at, ok := <-address:
		if !ok {
			t.Fatalf("%s ended", cmd.Path)
		}
		return at
	case <-time.After(woltest.Patience):
		t.Fatalf("%s does not listen", cmd.Path)
	}
	return ""
}

// spawn starts a program that ends with the test, however that ends.
func spawn(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // for what it has started and left
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed is how it ends
	})
}
