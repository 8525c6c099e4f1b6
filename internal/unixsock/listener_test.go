package unixsock_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wolgate/internal/unixsock"
	"wolgate/internal/woltest"
)

func TestPeerUID(t *testing.T) {
	t.Parallel()
	own := uint32(os.Getuid())
	for want, lists := range map[string][][]uint32{
		"admitted": {nil, {}, {own + 1, own}},
		"refused":  {{own + 1}, {own + 1, own + 2}},
	} {
		for _, allow := range lists {
			path := filepath.Join(tempDir(t), "s")
			var log woltest.Buffer
			l, err := unixsock.Listen(path, allow, slog.New(slog.NewTextHandler(&log, nil)))
			must(t, err)
			greet(t, l)
			for i := range allow {
				allow[i] += 1000 // the list is the listener's own
			}
			for range 2 {
				if got := dial(path); got != want {
					t.Errorf("%v: got %s, want %s", allow, got, want)
				}
			}
			warned := strings.Contains(log.String(), `level=WARN msg="peer refused" uid=`) && strings.Contains(log.String(), "--allow-uids")
			if warned != (want == "refused") {
				t.Errorf("%v: the log says %q", allow, log.String())
			}
		}
	}
}

// Where the tester is root a true stranger knocks; elsewhere it is a second
// process of the tester, who is let in.
func TestPeerUIDOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	own := uint32(os.Getuid())
	greet(t, listen(t, path, own))
	must(t, os.Chmod(dir, 0o755), os.Chmod(path, 0o666))
	var peer uint32
	p := startPuppet(t, func(cmd *exec.Cmd) { peer = asOther(cmd) })
	want := "admitted"
	if peer != own {
		want = "refused"
	}
	for range 3 {
		if got := p.do(t, "dial "+path); got != want {
			t.Errorf("uid %d: got %s, want %s", peer, got, want)
		}
		if got := dial(path); got != "admitted" {
			t.Errorf("uid %d, which is listed: %s", own, got)
		}
	}
}

func TestUnreadableCredentialsCloseOneConnection(t *testing.T) {
	t.Parallel()
	const faults = 100
	path := filepath.Join(tempDir(t), "s")
	var log woltest.Buffer
	l, err := unixsock.Listen(path, []uint32{uint32(os.Getuid())}, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	calls := 0
	l.SetPeerUID(func(conn *net.UnixConn) (uint32, error) {
		if calls++; calls <= faults {
			return 0, errors.New("no credentials today")
		}
		return unixsock.PeerUID(conn)
	})
	greet(t, l)
	for range faults {
		if got := dial(path); got != "refused" {
			t.Fatalf("got %s, want refused", got)
		}
	}
	if got := dial(path); got != "admitted" {
		t.Errorf("after the faults: %s", got)
	}
	if !strings.Contains(log.String(), "no credentials today") {
		t.Error("the log does not say why")
	}
}

// TestRefusedPeersCannotFillTheLog dials as fast as it can for longer than the second
// that a line is rationed for.
func TestRefusedPeersCannotFillTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	var log woltest.Buffer
	l, err := unixsock.Listen(path, []uint32{uint32(os.Getuid()) + 1}, slog.New(slog.NewJSONHandler(&log, nil)))
	must(t, err)
	greet(t, l)
	const most = 10 // a second
	knocks, began := 0, time.Now()
	for time.Since(began) < 2*time.Second {
		if got := dial(path); got != "refused" {
			t.Fatalf("got %s, want refused", got)
		}
		knocks++
	}
	var at []time.Time
	told := 0
	for line := range strings.Lines(log.String()) {
		var said struct {
			Time    time.Time
			Msg     string
			UID     *int
			Omitted int
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Msg != "peer refused" || said.UID == nil {
			t.Fatalf("%v: %s", err, line)
		}
		at = append(at, said.Time)
		told += 1 + said.Omitted
	}
	for i := most; i < len(at); i++ {
		// The ration looks at the clock a moment before the line has its time.
		if gap := at[i].Sub(at[i-most]); gap < 900*time.Millisecond {
			t.Errorf("%d lines within %v", most+1, gap)
		}
	}
	if len(at) <= most || told > knocks || told <= len(at) {
		t.Errorf("%d lines tell of %d refusals; there were %d", len(at), told, knocks)
	}
	t.Logf("%d refusals, %d lines", knocks, len(at))
}
