package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/woltest"
)

// piped is a program whose standard error is a pipe of which the test holds the only
// read end.
type piped struct {
	*process
	stderr *os.File
	lines  *bufio.Reader
}

// startPiped starts it and reads its lines until the one with this message. From
// then on nobody reads.
func startPiped(t *testing.T, message, name string, args ...string) (piped, map[string]any) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	cmd := exec.Command(name, args...)
	cmd.Stderr = w
	p := piped{startCommand(t, cmd), r, bufio.NewReaderSize(r, 16)}
	_ = w.Close()
	return p, p.read(t, message)
}

// read reads until the line with this message, which must come.
func (p piped) read(t *testing.T, message string) map[string]any {
	t.Helper()
	if err := p.stderr.SetReadDeadline(time.Now().Add(woltest.Patience)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := p.lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("no line %q: %v", message, err)
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if fields["msg"] == message {
			return fields
		}
	}
}

// unread returns how many bytes wait in the pipe: TIOCINQ is FIONREAD.
func (p piped) unread(t *testing.T) int {
	t.Helper()
	raw, err := p.stderr.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if controlErr := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return n
}

// startPipedStack starts both programs like that. The daemon allows someMAC alone.
func startPipedStack(t *testing.T, r *woltest.Receiver) (daemon, gateway piped, c caller) {
	t.Helper()
	dir := filepath.Dir(woltest.SocketPath(t))
	bin, socket, keys, list := woltest.Build(t), filepath.Join(dir, "s"), filepath.Join(dir, "keys.json"), filepath.Join(dir, "allow")
	if err := os.WriteFile(list, []byte(someMAC+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.key = addKey(t, keys, "tester", "--scope", "wake")
	daemon, _ = startPiped(t, "listening", filepath.Join(bin, "wol-server"), append(loopback(r), "--socket", socket, "--allow", list)...)
	gateway, line := startPiped(t, "listening", filepath.Join(bin, "api-server"), gatewayFlags(socket, keys)...)
	c.url = "http://" + line["address"].(string)
	return daemon, gateway, c
}

// flood makes n calls, every other one of which the daemon refuses. Each leaves a
// line in either log.
func (c caller) flood(t *testing.T, n int) {
	t.Helper()
	const clients = 8
	var group sync.WaitGroup
	var slowest atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 3*woltest.Patience) // a program that is stuck answers never
	defer cancel()
	began := time.Now()
	for range clients {
		group.Go(func() {
			for i := range n / clients {
				mac, want := someMAC, http.StatusOK
				if i%2 == 0 {
					mac, want = woltest.MAC(i+1).String(), http.StatusForbidden
				}
				start := time.Now()
				a, err := c.try(ctx, http.MethodPost, "/api/v1/wol/"+mac, "")
				if err != nil || a.status != want {
					t.Errorf("%s: %v, status %d, want %d: %s", mac, err, a.status, want, a.body)
					return
				}
				for took := int64(time.Since(start)); ; {
					if so := slowest.Load(); took <= so || slowest.CompareAndSwap(so, took) {
						break
					}
				}
			}
		})
	}
	group.Wait()
	if worst := time.Duration(slowest.Load()); worst > 2*time.Second {
		t.Errorf("one call took %v", worst)
	}
	t.Logf("%d calls in %v, the slowest in %v", n, time.Since(began).Round(time.Millisecond), time.Duration(slowest.Load()).Round(time.Millisecond))
}

// TestAStuckLogReaderHoldsUpNobody lets nobody read what the programs log.
func TestAStuckLogReaderHoldsUpNobody(t *testing.T) {
	t.Parallel()
	daemon, gateway, c := startPipedStack(t, woltest.Listen(t))
	c.flood(t, 2000)
	for name, p := range map[string]piped{"daemon": daemon, "gateway": gateway} {
		// The kernel gives a pipe 64 KiB (pipe(7)), of which lines leave some bytes free on
		// each page.
		if n := p.unread(t); n < 48<<10 {
			t.Errorf("%s: only %d bytes wait, so its writes were never stuck", name, n)
		}
	}
	// The reader of one comes back and finds whole lines; the other's stays away, and
	// the end waits for it no longer than a second.
	began := time.Now()
	daemon.signal(syscall.SIGTERM)
	gateway.signal(syscall.SIGTERM)
	daemon.read(t, "stopping")
	if a, b := daemon.exit(t), gateway.exit(t); a != 0 || b != 0 {
		t.Errorf("exit codes %d and %d", a, b)
	}
	if took := time.Since(began); took > bound {
		t.Errorf("took %v to end", took)
	}
}

// TestADeadLogReaderEndsNobody closes the pipes: each write from then on is an EPIPE.
func TestADeadLogReaderEndsNobody(t *testing.T) {
	t.Parallel()
	daemon, gateway, c := startPipedStack(t, woltest.Listen(t))
	_ = daemon.stderr.Close()
	_ = gateway.stderr.Close()
	c.flood(t, 2000)
	for name, p := range map[string]piped{"daemon": daemon, "gateway": gateway} {
		select {
		case <-p.done:
			t.Errorf("%s has ended: %v", name, p.cmd.ProcessState)
		default:
		}
		p.signal(syscall.SIGTERM)
		if code := p.exit(t); code != 0 {
			t.Errorf("%s: exit code %d: %v", name, code, p.cmd.ProcessState)
		}
	}
}

// TestTheLastLineIsWritten fails a start: what serve says last comes through the
// queue of lines as well, and whole.
func TestTheLastLineIsWritten(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	for name, flags := range map[string][]string{
		"wol-server": {"serve", "--socket", "/nonexistent/s", "--destinations", "127.255.255.255:9", "--allow", "/"},
		"api-server": {"serve", "--rate", "nonsense"},
	} {
		code, stdout, stderr := run(t, nil, filepath.Join(bin, name), flags...)
		if code != 78 || stdout != "" || len(stderr) < 20 || stderr[:len(name)+2] != name+": " || stderr[len(stderr)-1] != '\n' {
			t.Errorf("%s: exit code %d, %q, %q", name, code, stdout, stderr)
		}
	}
}
