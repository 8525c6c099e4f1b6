// Package sdnotify tells systemd how the program is: sd_notify(3) and
// sd_watchdog_enabled(3), without their library. Where nobody asks for it, which the
// environment says, everything here does nothing.
package sdnotify

import (
	"context"
	"log/slog"
	"math"
	"net"
	"os"
	"strconv"
	"time"
)

// What is said, in the words of sd_notify(3).
const (
	ready    = "READY=1"
	stopping = "STOPPING=1"
	alive    = "WATCHDOG=1"
)

// Notifier speaks to systemd for this process.
type Notifier struct {
	socket  string        // where systemd listens; empty = nobody asks
	timeout time.Duration // without a sign of life for so long, the program is restarted; 0 = never
	log     *slog.Logger
}

// New reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func New(getenv func(string) string, log *slog.Logger) *Notifier {
	n := &Notifier{socket: getenv("NOTIFY_SOCKET"), log: log}
	if n.socket == "" {
		return n
	}
	// Inherited from a process that was meant and did not unset it.
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err == nil && usec > 0 && usec <= math.MaxInt64/int64(time.Microsecond) { // a time.Duration holds no more
		n.timeout = time.Duration(usec) * time.Microsecond
	}
	return n
}

// Run says that the program is ready, gives signs of life for as long as check finds
// it alive, and says that it is stopping when ctx ends. Call it once whatever the
// program listens on accepts connections: whoever systemd starts after it may connect
// at once.
//
// check is called four times in a watchdog's time and given half of it, so that a
// check which is slow but well is never late. What it finds wrong is logged, once
// until it is well again, and nothing else is done about it: systemd takes the silence
// for its answer.
func (n *Notifier) Run(ctx context.Context, check func(context.Context) error) {
	n.say(ready)
	n.watch(ctx, check)
	<-ctx.Done()
	n.say(stopping)
}

func (n *Notifier) watch(ctx context.Context, check func(context.Context) error) {
	if n.socket == "" || n.timeout == 0 {
		return
	}
	tick := time.NewTicker(n.timeout / 4)
	defer tick.Stop()
	well := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, n.timeout/2)
		err := check(within)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			n.say(alive)
		case well:
			n.log.Error("no sign of life is given to systemd, which is going to restart this program", "err", err)
		}
		well = err == nil
	}
}

// say sends one datagram. A name that begins with @ lies in the abstract namespace
// (unix(7)), as it does for package net.
func (n *Notifier) say(state string) {
	if n.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // nor does the end wait for a systemd that reads nothing
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		n.log.Warn("systemd was not told", "state", state, "err", err)
	}
}
