package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"wolgate/internal/audit"
	"wolgate/internal/gateway"
	"wolgate/internal/keyring"
	"wolgate/internal/metrics"
	"wolgate/internal/netlimit"
	"wolgate/internal/ops"
	"wolgate/internal/policy"
	"wolgate/internal/program"
	"wolgate/internal/sdnotify"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
)

// What is under way at shutdown is given callGrace to get its answer from the
// daemon, and requestGrace, which is longer, to take it to the client.
const (
	callGrace    = 3500 * time.Millisecond
	requestGrace = 4 * time.Second
)

// How many public connections may be open at a time. A silent or slow one is
// closed after seconds, so this is what an attacker can hold and not how many
// clients there can be.
const (
	mostConnections  = 4096
	leastConnections = 8 // some are served however few descriptors there are
)

// Run serves until ctx ends, then answers what is under way. The error is a
// program.ConfigError where starting again cannot help.
func Run(ctx context.Context, c Config, getenv func(string) string, log *slog.Logger) error {
	events := audit.New(log)
	keys, err := keyring.Open(c.Keys, c.EnvKey, c.EnvKeyFile, log, events)
	if err != nil {
		return err
	}
	daemon := wolhttp.NewClient(unixsock.Dialer(c.WolSocket), c.Timeout)
	defer daemon.Close()
	health := wolhttp.NewHealth(daemon, log)
	counts := metrics.New(
		func() int { return keys.Keys().Usable(time.Now()) },
		func() bool { return health.Check(wol.NewRequestID()) == nil })
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := gateway.New(gateway.Options{
		Context: calls,
		Waker:   guard(daemon, events, counts), Interfaces: daemon.Interfaces, Ready: health.Check,
		Keys: keys.Keys, Rate: c.Rate, Burst: c.Burst,
		Docs: c.Docs, CORSOrigins: c.CORSOrigins, TrustedProxies: c.TrustedProxies,
		Observe: counts, Log: log, Audit: events,
	})

	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return fmt.Errorf("listen for requests: %w: choose another --listen or end what holds it", err)
	}
	public := netlimit.Wrap(listener, connectionLimits(c.TrustedProxies, log), log)
	group, ctx := errgroup.WithContext(ctx)
	if c.OpsListen != "" {
		private, err := net.Listen("tcp", c.OpsListen)
		if err != nil {
			return errors.Join(fmt.Errorf("listen for metrics: %w: choose another --ops-listen, or an empty one to switch it off", err), public.Close())
		}
		log.Info("metrics", "address", private.Addr().String())
		group.Go(func() error { return ops.Serve(ctx, private, ops.Handler(counts.Handler()), log) })
	}
	log.Info("listening", "address", public.Addr().String(), "keys", keys.Keys().Len())
	events.Event(audit.Event{Name: audit.Startup, Detail: "api-server " + program.Version()})
	defer func() {
		events.Close() // clients that are still served by then have been cut off
		events.Event(audit.Event{Name: audit.Shutdown})
	}()
	group.Go(func() error { return serve(ctx, server, public, cancel, log) })
	group.Go(func() error { sdnotify.New(getenv, log).Run(ctx, sdnotify.Answers(public.Addr())); return nil })
	group.Go(func() error { keys.Run(ctx); return nil })
	group.Go(func() error { warnIfAbsent(ctx, daemon, log); return nil })
	return group.Wait()
}

// guard puts permission, audit and metrics in front of next, which sends. Every door asks
// what it returns, and nothing asks next itself.
func guard(next wol.Waker, events *audit.Log, counts *metrics.Metrics) wol.Waker {
	recorded := audit.Wakes(counts.Wakes(next), events)
	return policy.Distinct(policy.Permit(recorded, func(req wol.Request, why wol.Denial, detail string) {
		counts.Denied(why)
		events.Event(audit.Event{Name: audit.AuthzFail, RequestID: req.ID, By: req.By, Detail: detail})
	}))
}

// connectionLimits returns as many connections as the descriptors are enough for.
// Fewer is better than not to start: a host with a small limit has few clients. Half of them is the share of one source, unless that is a trusted proxy.
func connectionLimits(proxies []netip.Prefix, log *slog.Logger) netlimit.Limits {
	most, err := netlimit.Fits(mostConnections, wolhttp.MaxConnections+ops.MaxConnections)
	most = max(leastConnections, most)
	if err != nil {
		log.Warn("fewer connections than usual", "connections", most, "err", err)
	}
	return netlimit.Limits{Total: most, PerSource: most / 2, Exempt: proxies}
}

// warnIfAbsent tells the operator at the start what the first wake would.
func warnIfAbsent(ctx context.Context, daemon *wolhttp.Client, log *slog.Logger) {
	if err := daemon.Ping(ctx, wol.NewRequestID()); err != nil && ctx.Err() == nil {
		log.Warn("wol-server does not answer yet; wakes fail until it does", "err", err)
	}
}

func serve(ctx context.Context, server *gateway.Server, listener net.Listener, cancelCalls func(), log *slog.Logger) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	defer time.AfterFunc(callGrace, cancelCalls).Stop()
	if err := server.Shutdown(requestGrace); err != nil {
		log.Warn("connections cut off", "err", err)
	}
	_ = listener.Close() // Shutdown does not know a listener that has only just begun to be served
	return nil
}
