package unixsock_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wolgate/internal/unixsock"
	"wolgate/internal/woltest"
)

// greet admits peers until l is closed, and fails the test if Accept fails
// before that.
func greet(t *testing.T, l *unixsock.Listener) {
	t.Helper()
	done := make(chan error)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				done <- err
				return
			}
			_, _ = conn.Write([]byte(greeting))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept gave up: %v", err)
		}
	})
}

func TestPeerUID(t *testing.T) {
	t.Parallel()
	own := uint32(os.Getuid())
	for name, tt := range map[string]struct {
		allow []uint32
		want  string
	}{
		"no list":     {nil, "admitted"},
		"empty list":  {[]uint32{}, "admitted"},
		"listed":      {[]uint32{own + 1, own}, "admitted"},
		"not listed":  {[]uint32{own + 1}, "refused"},
		"others only": {[]uint32{own + 1, own + 2}, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tempDir(t), "s")
			var log woltest.Buffer
			l, err := unixsock.Listen(path, tt.allow, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			greet(t, l)
			for range 3 {
				if got := dial(path); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
			warned := strings.Contains(log.String(), `level=WARN msg="peer refused" uid=`) && strings.Contains(log.String(), "--allow-uids")
			if warned != (tt.want == "refused") {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// Where the tester is root a true stranger knocks; elsewhere it is a second
// process of the tester, who is let in.
func TestPeerUIDOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "s")
	own := uint32(os.Getuid())
	l := listen(t, path, own)
	greet(t, l)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
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
	const faults = 1000
	path := filepath.Join(tempDir(t), "s")
	var log woltest.Buffer
	l, err := unixsock.Listen(path, []uint32{uint32(os.Getuid())}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
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
	if n := strings.Count(log.String(), "no credentials today"); n == 0 {
		t.Error("the log does not say why")
	}
}

// TestRefusedPeersCannotFillTheLog has somebody knock who is not on the list, as fast
// as one can, until the log has told of more than a second of it.
func TestRefusedPeersCannotFillTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	var log woltest.Buffer
	l, err := unixsock.Listen(path, []uint32{uint32(os.Getuid()) + 1}, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
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

func TestPeerUIDOfAClosedConnection(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	greet(t, listen(t, path))
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if uid, err := unixsock.PeerUID(conn.(*net.UnixConn)); err == nil {
		t.Errorf("a closed connection is uid %d", uid)
	}
}

// The list is the listener's own: whoever passed it may use it on.
func TestAllowListIsCopied(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	allow := []uint32{uint32(os.Getuid())}
	greet(t, listen(t, path, allow...))
	allow[0]++
	if got := dial(path); got != "admitted" {
		t.Error(got)
	}
}

func TestHTTPOverTheSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "s")
	l := listen(t, path, uint32(os.Getuid()))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Host)) })}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DialContext: unixsock.Dialer(path)}}
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			response, err := client.Get("http://wol.invalid/healthz")
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			var body bytes.Buffer
			if _, err := body.ReadFrom(response.Body); err != nil || body.String() != "wol.invalid" {
				t.Errorf("got %q, %v", body.String(), err)
			}
		})
	}
	wait.Wait()
	client.CloseIdleConnections()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	absent(t, path)
}
