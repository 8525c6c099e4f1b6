package wolserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"wolgate/internal/broadcast"
	"wolgate/internal/netlimit"
	"wolgate/internal/policy"
	"wolgate/internal/program"
	"wolgate/internal/sdnotify"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
)

// connections is how many may be open on the socket. A gateway keeps at most 64; as many
// again are for health checks and the like, and for the connections of a gateway that was
// killed. All peers of a Unix socket are one source, so a peer can take every place, for
// as long as the server's timeouts allow; it cannot take every descriptor, which sending
// needs too.
const connections = 128

// Shutdown takes at most the sum of the last two, the second in which broadcast
// sends what is left, and the second that Main waits for a stuck log: below six
// seconds, and so well below the ten after which container engines kill.
const (
	callGrace    = 2 * time.Second         // for a paced call; then its receipts report what was sent
	requestGrace = 2500 * time.Millisecond // for the answers of calls under way
	copiesGrace  = time.Second             // for copies to keep their gap
)

// Run serves the socket until ctx ends, then answers the calls under way and sends the
// copies that are due. The error is a program.ConfigError where a restart cannot help.
func Run(ctx context.Context, c Config, getenv func(string) string, log *slog.Logger) error {
	budget := policy.NewBudget(c.MaxPPS)
	c.Broadcast.Pace, c.Broadcast.Retry = budget.PayCopies, budget.PayNow
	sender := broadcast.New(c.Broadcast, log)
	defer func() { _ = sender.Close(copiesGrace) }()
	ctx, cancel := context.WithCancel(ctx) // so that nothing outlives a failed start
	defer cancel()
	if refused := sender.RawRefused(); refused != "" {
		log.Warn("raw frames are not sent, UDP goes on", "err", refused)
	}
	waker, err := guard(ctx, sender, budget, c.Allow, log)
	if err != nil {
		return err
	}
	socket, err := listen(c, getenv, log)
	if err != nil {
		return err
	}
	if _, err := netlimit.Fits(connections, 0); err != nil {
		log.Warn("calls may be delayed: too few file descriptors", "err", err)
	}
	listener := netlimit.Wrap(socket, netlimit.Limits{Total: connections}, log)
	calls, cancelCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelCalls()
	server := &http.Server{
		BaseContext:       func(net.Listener) context.Context { return calls },
		Handler:           wolhttp.Handler(waker, doctorOf(sender, getenv).Look, log),
		ReadHeaderTimeout: c.ReadTimeout / 2,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      70 * time.Second, // above the longest deadline of a call
		IdleTimeout:       2 * time.Minute,  // above the gateway's, so that the gateway closes first
		MaxHeaderBytes:    8 << 10,
		// Or net/http answers OPTIONS * with 200, before the handler checks the client.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	announce(ctx, sender, listener, log)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	notified := make(chan struct{})
	go func() { defer close(notified); sdnotify.New(getenv, log).Run(ctx, alive(socket)) }()
	go socket.Keep(ctx)
	defer func() { cancel(); <-notified }()
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serve %s: %w", listener.Addr(), err), listener.Close())
	case <-ctx.Done():
	}
	log.Info("stopping")
	defer time.AfterFunc(callGrace, cancelCalls).Stop()
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), requestGrace)
	defer cancelGrace()
	if err := server.Shutdown(grace); err != nil {
		log.Warn("calls cut off", "err", err)
		_ = server.Close()
	}
	return listener.Close()
}

// guard puts the daemon's own rules in front of the sender; the gateway cannot lift
// them. The file of the allow-list is followed until ctx ends.
func guard(ctx context.Context, sender *broadcast.Sender, budget *policy.Budget, allow string, log *slog.Logger) (wol.Waker, error) {
	cost := func(req wol.Request) int { return sender.Packets(req.Interface) }
	waker := budget.Guard(sender, cost)
	if allow != "" {
		var err error
		if waker, err = allowOnly(ctx, waker, allow, log); err != nil {
			return nil, err
		}
	}
	return policy.Distinct(wolhttp.LogWakes(waker, log)), nil
}

// listen takes the socket over from systemd, or makes it. The daemon's own user, who could
// replace socket and daemon anyway, is always admitted: the health check runs as it.
func listen(c Config, getenv func(string) string, log *slog.Logger) (*unixsock.Listener, error) {
	if own := os.Geteuid(); len(c.AllowUIDs) > 0 && own != overflowUID {
		c.AllowUIDs = append(slices.Clone(c.AllowUIDs), uint32(own))
	}
	listener, err := unixsock.Activated(getenv, c.AllowUIDs, log)
	if err != nil {
		return nil, program.ConfigError{Err: err}
	}
	if listener == nil {
		listener, err = unixsock.Listen(c.Socket, c.AllowUIDs, log)
	}
	if errors.Is(err, unixsock.ErrNotSocket) {
		return nil, program.ConfigError{Err: err}
	}
	return listener, err
}

// alive returns a check that clients find the daemon, and are answered.
func alive(socket *unixsock.Listener) func(context.Context) error {
	answers := sdnotify.Answers(socket.Addr())
	return func(ctx context.Context) error {
		if err := socket.Lost(); err != nil {
			return err
		}
		return answers(ctx)
	}
}

// announce logs where packets will go, so that a host with no usable interface
// shows at start and not at the first wake.
func announce(ctx context.Context, sender *broadcast.Sender, listener net.Listener, log *slog.Logger) {
	list, err := sender.Interfaces(ctx)
	if err != nil {
		log.Warn("interfaces not listed", "err", err)
	}
	var destinations []string
	for _, i := range list {
		for _, d := range i.Destinations {
			destinations = append(destinations, strings.TrimSpace(i.Name+" "+d))
		}
	}
	if len(destinations) == 0 {
		log.Warn("no eligible interface: no packet can leave until one comes up; GET /interfaces gives the reasons")
	}
	log.Info("listening", "socket", listener.Addr().String(), "destinations", destinations)
}
