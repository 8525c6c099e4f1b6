package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// replace puts a file in the place of another at once, so that no half of it is read.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestSIGHUPReadsTheFilesAgain sends it with files that are as before, broken and
// mended: what was in force stays so, a broken file is told once, and neither program
// ends.
func TestSIGHUPReadsTheFilesAgain(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	allow := filepath.Join(t.TempDir(), "allow")
	replace(t, allow, someMAC+"\n")
	p := startPrograms(t, append(loopback(r), "--allow", allow))
	keys, err := os.ReadFile(p.keys)
	if err != nil {
		t.Fatal(err)
	}
	wake := func() {
		t.Helper()
		p.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	for what, tt := range map[string]struct {
		*process
		path, good, bad   string
		reloaded, refused string
	}{
		"keys":       {p.gateway, p.keys, string(keys), string(keys[:len(keys)/2]), "keys reloaded", "keys not reloaded, the old ones stay valid"},
		"allow-list": {p.daemon, allow, someMAC + "\n", "not a MAC\n", "allow-list reloaded", "allow-list not reloaded, the old one stays in force"},
	} {
		// Nothing has changed, so the line is the signal's. One that comes a moment
		// after the start finds nobody who follows the file yet, and is lost.
		for deadline := time.Now().Add(woltest.Patience); !strings.Contains(tt.log.String(), tt.reloaded); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not read again; log:\n%s", what, tt.log)
			}
			tt.signal(syscall.SIGHUP)
		}
		wake()

		tt.log.forget()
		replace(t, tt.path, tt.bad)
		for range 20 {
			tt.signal(syscall.SIGHUP)
			wake()
		}
		line := tt.log.wait(t, "msg", tt.refused)
		if line["level"] != "ERROR" {
			t.Errorf("%s: %v", what, line)
		}

		replace(t, tt.path, tt.good)
		tt.signal(syscall.SIGHUP)
		tt.log.wait(t, "msg", tt.reloaded)
		wake()
		if n := strings.Count(tt.log.String(), tt.refused); n != 1 {
			t.Errorf("%s: told %d times that the file is broken", what, n)
		}
	}
	p.daemon.signal(syscall.SIGTERM)
	p.gateway.signal(syscall.SIGTERM)
	if a, b := p.daemon.exit(t), p.gateway.exit(t); a != 0 || b != 0 {
		t.Errorf("exit codes %d and %d", a, b)
	}
}

// TestSIGHUPEndsNothing sends it to programs that have no file to read, and to ones
// that are about to end.
func TestSIGHUPEndsNothing(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	hangup := func(p *process) {
		for range 10 {
			p.signal(syscall.SIGHUP)
		}
	}
	t.Run("wol-server", func(t *testing.T) {
		t.Parallel()
		daemon := paced(t, bin, ordinary)
		hangup(daemon)
		daemon.signal(syscall.SIGTERM)
		daemon.log.wait(t, "msg", "stopping")
		hangup(daemon)
		if code := daemon.exit(t); code != 0 {
			t.Errorf("exit code %d; log:\n%s", code, daemon.log)
		}
	})
	t.Run("api-server", func(t *testing.T) {
		t.Parallel()
		p, inside, release := hanging(t, bin, ordinary)
		hangup(p.gateway)
		p.finishesARequest(t, inside, release, func() { hangup(p.gateway) })
	})
}
