package e2e

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// limited starts a program that may have so few descriptors as RLIMIT_NOFILE
// (setrlimit(2)) says.
func limited(t *testing.T, descriptors, name string, args ...string) *process {
	t.Helper()
	return spawn(t, "sh", append([]string{"-c", `ulimit -n "$0" && exec "$@"`, descriptors, name}, args...)...)
}

// TestProgramsOutliveAWantOfDescriptors takes all descriptors of one program after the
// other: it stays, and serves again as soon as there are some.
func TestProgramsOutliveAWantOfDescriptors(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := newStack(t, woltest.Build(t), woltest.SocketPath(t))
	p.daemon = limited(t, "40", filepath.Join(p.bin, "wol-server"), append([]string{"--socket", p.socket}, loopback(r)...)...)
	p.daemon.log.wait(t, "msg", "listening")
	p.serves(t, limited(t, "40", filepath.Join(p.bin, "api-server"), gatewayFlags(p.socket, p.keys)...))
	p.wake(t, someMAC).receipt(t)
	r.Next(t)

	for name, tt := range map[string]struct {
		victim           *process
		network, address string
	}{
		"gateway": {p.gateway, "tcp", strings.TrimPrefix(p.url, "http://")},
		"daemon":  {p.daemon, "unix", p.socket},
	} {
		var held []net.Conn
		for range 60 {
			c, err := net.DialTimeout(tt.network, tt.address, time.Second)
			if err != nil {
				break // the backlog is full as well
			}
			held = append(held, c)
		}
		time.Sleep(300 * time.Millisecond) // it is starved for a while
		for _, c := range held {
			_ = c.Close()
		}
		began := time.Now()
		for {
			a, err := p.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
			if err == nil && a.status == http.StatusOK {
				break
			}
			if time.Since(began) > 3*time.Second {
				t.Fatalf("%s: no answer after %v: %v, status %d; log:\n%s", name, time.Since(began), err, a.status, tt.victim.log)
			}
			time.Sleep(10 * time.Millisecond) // between two tries
		}
		t.Logf("%s: %d connections held, served again after %v", name, len(held), time.Since(began).Round(time.Millisecond))
		select {
		case <-tt.victim.done:
			t.Fatalf("%s has ended; log:\n%s", name, tt.victim.log)
		default:
		}
	}
}
