package e2e

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestOnceServedAlwaysServed starts the daemon 200 times, while a client tries to
// connect all the time: from its first success on it always succeeds, and the line
// "listening" comes no sooner. The umask takes the group out of the socket's mode until
// the daemon has given it back, so a client that is only in the group is the one who
// would find a socket that is there and not yet his.
func TestOnceServedAlwaysServed(t *testing.T) {
	t.Parallel()
	t.Run("owner", func(t *testing.T) {
		t.Parallel()
		startAndConnect(t, func(f func()) { f() })
	})
	t.Run("group", func(t *testing.T) {
		t.Parallel()
		lantest.Require(t)
		if !becomeNobody(func() {}) {
			skip.Because(t, "only root can bring a second user into the namespace")
		}
		startAndConnect(t, func(f func()) { becomeNobody(f) })
	})
}

func startAndConnect(t *testing.T, as func(func())) {
	const starts, more = 100, 50
	bin, r, dir := woltest.Build(t), woltest.Listen(t), lantest.SharedDir(t)
	socket, kept := filepath.Join(dir, "s"), 0
	connect := func() error {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	for n := range starts {
		args := append([]string{"-c", `umask 077; exec "$@"`, "sh", filepath.Join(bin, "wol-server"), "--socket", socket}, loopback(r)...)
		p := startCommand(t, exec.Command("sh", args...))
		var failed error
		as(func() {
			deadline := time.Now().Add(woltest.Patience)
			for err := connect(); err != nil; err = connect() {
				if errors.Is(err, syscall.EACCES) {
					kept++
				}
				if time.Now().After(deadline) || !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.ECONNREFUSED) {
					failed = fmt.Errorf("before the first success: %w", err)
					return
				}
			}
			for range more {
				if err := connect(); err != nil {
					failed = fmt.Errorf("after a success: %w", err)
					return
				}
			}
		})
		if failed != nil {
			t.Fatalf("start %d: %v; log:\n%s", n, failed, p.log)
		}
		p.log.wait(t, "msg", "listening")
		as(func() { failed = connect() })
		if failed != nil {
			t.Fatalf("start %d: after the line that says so: %v", n, failed)
		}
		p.signal(syscall.SIGTERM)
		if code := p.exit(t); code != 0 {
			t.Fatalf("start %d: exit code %d; log:\n%s", n, code, p.log)
		}
	}
	t.Logf("%d starts; the socket was met %d times before its mode was complete", starts, kept)
}

// becomeNobody runs f with the rights over files that nobody in root's group has, and
// without a capability that overrides modes, and reports whether it could. The kernel
// keeps these rights for each thread (setfsuid(2)). The thread gets its own back, and
// does not end, because a daemon that it has started would end with it (Pdeathsig).
func becomeNobody(f func()) bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	become := func(uid int) (was int) {
		before, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, uintptr(uid), 0, 0)
		return int(before)
	}
	own := become(nobody)
	defer become(own)
	if become(nobody) != nobody { // it tells in no other way whether it could
		return false
	}
	f()
	return true
}
