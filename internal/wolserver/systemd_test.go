package wolserver_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"wolgate/internal/unixsock"
	"wolgate/internal/wolhttp"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

// start runs the daemon as systemd does. stop ends it.
func start(t *testing.T, path string, getenv func(string) string) (stop func()) {
	t.Helper()
	c, _, err := wolserver.Load([]string{"--socket", path, "--destinations", "127.255.255.255:9"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- wolserver.Run(ctx, c, getenv, slog.New(slog.DiscardHandler)) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestReadyMeansReady starts the daemon again and again: after READY it answers at the
// first try.
func TestReadyMeansReady(t *testing.T) {
	t.Parallel()
	for range 1000 {
		path := woltest.SocketPath(t)
		systemd := woltest.ListenSystemd(t)
		stop := start(t, path, systemd.Getenv)
		systemd.Told(t, "READY=1")
		if err := ping(t, path); err != nil {
			t.Fatal(err)
		}
		stop()
		systemd.Told(t, "STOPPING=1")
	}
}

// TestWatchdogUnderAttack keeps every place taken for longer than the watchdog waits, so
// that the daemon's own check is refused as well.
func TestWatchdogUnderAttack(t *testing.T) {
	t.Parallel()
	path := woltest.SocketPath(t)
	systemd := woltest.ListenSystemd(t)
	defer start(t, path, systemd.Getenv)()
	systemd.Told(t, "READY=1")
	crowd(t, path, 2*total, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	refused := func() bool {
		c := wolhttp.NewClient(unixsock.Dialer(path), woltest.Patience)
		defer c.Close()
		return c.Ping(t.Context(), "id-1") != nil
	}
	within(t, "the places are taken", refused)
	for range 8 { // two seconds
		systemd.Told(t, "WATCHDOG=1")
	}
	if !refused() {
		t.Error("there are places again, so this proves nothing")
	}
}

// TestWatchdogOfASocketThatIsGone: systemd hears nothing while no client can connect, and
// the socket is back once there is room for it.
func TestWatchdogOfASocketThatIsGone(t *testing.T) {
	t.Parallel()
	path := woltest.SocketPath(t)
	systemd := woltest.ListenSystemd(t)
	defer start(t, path, systemd.Getenv)()
	systemd.Told(t, "READY=1")
	file := path + ".file"
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Rename(file, path)); err != nil {
		t.Fatal(err)
	}
	within(t, "the watchdog hears nothing", func() bool { return systemd.Silent(t, 600*time.Millisecond) })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	within(t, "the daemon serves again", func() bool { return ping(t, path) == nil })
	systemd.Told(t, "WATCHDOG=1")
}
