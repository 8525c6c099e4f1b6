package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/broadcast"
	"wolgate/internal/gateway"
	"wolgate/internal/logs"
	"wolgate/internal/magicpacket"
	"wolgate/internal/netlimit"
	"wolgate/internal/policy"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
)

// The roles that this program takes when it is started with one as its first word.
// The second word is the path of the socket, or of the keys.
const (
	roleSilentDaemon    = "silent-daemon"
	roleOneProcess      = "one-process"
	roleOriginalDaemon  = "original-daemon"
	roleOriginalGateway = "original-gateway"
	roleBareDaemon      = "bare-daemon"
	roleBareGateway     = "bare-gateway"
)

func roles() map[string]func(path string, stderr io.Writer) error {
	return map[string]func(string, io.Writer) error{
		roleSilentDaemon:    silentDaemon,
		roleOneProcess:      oneProcess,
		roleOriginalDaemon:  originalDaemon,
		roleOriginalGateway: originalGateway,
		roleBareDaemon:      bareDaemon,
		roleBareGateway:     bareGateway,
	}
}

const packetsPerSecond = 1_000_000

func logger(w io.Writer) *slog.Logger { return logs.Config{Level: "info", Format: "json"}.New(w) }

func noInterfaces(context.Context) (wol.Interfaces, error) { return wol.Interfaces{}, nil }

// silentDaemon is wol-server as far as a wake goes through it, wired as in
// internal/wolserver, with a sender that says what the real one says and sends nothing.
func silentDaemon(path string, stderr io.Writer) error {
	log := logger(stderr)
	silent := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		receipts := make([]wol.Receipt, len(req.Targets))
		for i, t := range req.Targets {
			receipts[i] = wol.NewReceipt(t.MAC, req.ID, []wol.Delivery{{Destination: lanDestination, Bytes: magicpacket.Len}}, nil)
		}
		return receipts, nil
	})
	waker := policy.NewBudget(packetsPerSecond).Guard(silent, func(wol.Request) int { return 1 })
	listener, err := unixsock.Listen(path, nil, log)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           wolhttp.Handler(policy.Distinct(waker), noInterfaces, log),
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      70 * time.Second,
	}
	return server.Serve(netlimit.Wrap(listener, netlimit.Limits{Total: 128}, log))
}

// oneProcess is api-server as internal/apiserver wires it, without metrics, in front
// of the sender itself.
func oneProcess(path string, stderr io.Writer) error {
	log := logger(stderr)
	file, err := apikey.Load(path)
	if err != nil {
		return err
	}
	keys := apikey.NewSet(file, apikey.EnvKey{})
	sender := broadcast.New(broadcast.Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort(lanDestination)}, Repeat: 1}, log)
	waker := policy.NewBudget(packetsPerSecond).Guard(sender, func(req wol.Request) int { return sender.Packets(req.Interface) })
	events := audit.New(log)
	guarded := policy.Permit(audit.Wakes(waker, events), func(wol.Request, wol.Denial, string) {})
	server := gateway.New(gateway.Options{
		Context: context.Background(),
		Waker:   policy.Distinct(guarded),
		Ready:   func(string) error { return nil },
		Keys:    func() *apikey.Set { return keys },
		Observe: unobserved{}, Log: log, Audit: events,
	})
	listener, err := net.Listen("tcp", gatewayAddress)
	if err != nil {
		return err
	}
	return server.Serve(netlimit.Wrap(listener, netlimit.Limits{Total: 4096}, log))
}

// unobserved is a gateway.Observer that counts nothing.
type unobserved struct{}

func (unobserved) Request(string, int, time.Duration) {}
func (unobserved) Denied(wol.Denial)                  {}
func (unobserved) Limited(gateway.Limit)              {}
