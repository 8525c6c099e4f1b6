package gateway

import (
	"log/slog"
	"net/netip"
	"sync"
)

// enoughCalls is how many calls from one private or local address, and no other, make it
// likely that the address is not the clients' own.
const enoughCalls = 50

// natDetector notices that all clients have one address, and logs it once. A container
// engine that translates addresses, or a proxy that is not trusted, puts its own in
// their place: then the failed tries of one stranger count against everybody, and the
// audit log cannot tell clients apart.
type natDetector struct {
	mu      sync.Mutex
	address netip.Addr
	calls   int
	settled bool // logged, or found not to be so
}

func (d *natDetector) note(from netip.Addr, forwarded bool, log *slog.Logger) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled || from.IsLoopback() && !forwarded { // a client on this host
		return
	}
	if d.calls == 0 {
		d.address = from
	}
	d.calls++
	switch {
	case from != d.address, !from.IsPrivate() && !from.IsLoopback():
		d.settled = true
	case d.calls == enoughCalls:
		d.settled = true
		log.Warn("client addresses are hidden: every call so far comes from one private or local address",
			"address", from.String(), "calls", d.calls,
			"hint", "if that is a reverse proxy, name it in --trusted-proxies and have it send X-Forwarded-For; if it is the gateway of a container network, publish the port without the engine's proxy; if there is one client only, all is well")
	}
}
