package apiserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestWatchdogUnderAttack: one source takes every place that it can, so that the
// gateway's own check, which comes from the same address, is turned away. It counts as
// alive, and is not restarted for the attacker's sake.
func TestWatchdogUnderAttack(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < 3*mostConnections {
		skip.Because(t, "both ends of an attack do not fit into RLIMIT_NOFILE: raise ulimit -n to 12288")
	}
	dir := t.TempDir()
	systemd := woltest.ListenSystemd(t)
	address := woltest.FreeAddress(t)
	c, _, err := Load([]string{"--listen", address, "--ops-listen", "", "--keys", filepath.Join(dir, "keys"), "--wol-socket", filepath.Join(dir, "s")},
		[]string{"API_KEY=0KV7lGkrDlgBCnAvEw3ZJm8xqTzu"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c, systemd.Getenv, slog.New(slog.DiscardHandler)) }()
	systemd.Told(t, "READY=1")

	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}()
	knock := func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conns = append(conns, conn)
		}
		return err
	}
	refused := func() bool { // at once, or there is a place
		if err := knock(); err != nil {
			return errors.Is(err, syscall.ECONNRESET)
		}
		conn := conns[len(conns)-1]
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
	}
	for range mostConnections/2 + 100 {
		if err := knock(); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	}
	if !refused() {
		t.Fatal("there is still a place")
	}
	for range 8 { // two seconds, which is less than silent connections are left open
		systemd.Told(t, "WATCHDOG=1")
	}
	if !refused() {
		t.Error("there are places again, so this proves nothing")
	}
	stop()
	systemd.Told(t, "STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
