package gateway

import (
	"log/slog"
	"net/netip"
	"sync"
)

// enoughCalls is how many calls from one private or local address, and from nowhere
// else, make it likely that the address is not the clients' own.
const enoughCalls = 50

// hidden notices that all clients have one address, and says so once. A container
// engine that translates addresses, or a proxy that is not trusted, puts its own
// in their place: then one stranger's failed tries count against everybody
// else's, and the audit log does not tell them apart.
type hidden struct {
	mu      sync.Mutex
	address netip.Addr
	calls   int
	settled bool // told, or found to be wrong
}

func (h *hidden) note(from netip.Addr, forwarded bool, log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.settled || from.IsLoopback() && !forwarded { // a client on this host
		return
	}
	if h.calls == 0 {
		h.address = from
	}
	h.calls++
	switch {
	case from != h.address, !from.IsPrivate() && !from.IsLoopback():
		h.settled = true
	case h.calls == enoughCalls:
		h.settled = true
		log.Warn("client addresses are hidden: every call so far comes from one private or local address",
			"address", from.String(), "calls", h.calls,
			"hint", "if that is a reverse proxy, name it in --trusted-proxies and have it send X-Forwarded-For; if it is the gateway of a container network, publish the port without the engine's proxy; if there is one client only, all is well")
	}
}
