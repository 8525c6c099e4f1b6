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

// The states that are sent, in the words of sd_notify(3).
const (
	ready    = "READY=1"
	stopping = "STOPPING=1"
	alive    = "WATCHDOG=1"
)

// Notifier sends the states of this process to systemd.
type Notifier struct {
	socket  string        // where systemd listens; empty if it does not
	timeout time.Duration // of the watchdog, which then restarts the program; 0 if there is none
	log     *slog.Logger
}

// New reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func New(getenv func(string) string, log *slog.Logger) *Notifier {
	n := &Notifier{socket: getenv("NOTIFY_SOCKET"), log: log}
	if n.socket == "" {
		return n
	}
	// Meant for a parent that did not unset it.
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err == nil && usec > 0 && usec <= math.MaxInt64/int64(time.Microsecond) { // a time.Duration holds no more
		n.timeout = time.Duration(usec) * time.Microsecond
	}
	return n
}

// Run sends that the program is ready, that it is alive for as long as check returns
// nil, and that it is stopping when ctx ends. Call it once the program's listeners
// accept connections: a unit that systemd starts after it may connect at once.
//
// check is called four times in the watchdog's timeout and is given half of it, so that
// a slow success is never late. A failure is logged, once until the next success, and
// nothing is sent: systemd acts on the silence.
func (n *Notifier) Run(ctx context.Context, check func(context.Context) error) {
	n.send(ready)
	n.watch(ctx, check)
	<-ctx.Done()
	n.send(stopping)
}

func (n *Notifier) watch(ctx context.Context, check func(context.Context) error) {
	if n.socket == "" || n.timeout == 0 {
		return
	}
	tick := time.NewTicker(n.timeout / 4)
	defer tick.Stop()
	healthy := true
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
			n.send(alive)
		case healthy:
			n.log.Error("this program does not answer itself: systemd is going to restart it", "err", err)
		}
		healthy = err == nil
	}
}

// send sends one datagram. A name that begins with @ lies in the abstract namespace
// (unix(7)), as it does for package net.
func (n *Notifier) send(state string) {
	if n.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // the end of the program must not wait for a systemd that reads nothing
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		n.log.Warn("systemd was not told", "state", state, "err", err)
	}
}
