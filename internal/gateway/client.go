package gateway

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// clientAddress returns the address that a request comes from.
func (g *gateway) clientAddress(c *fiber.Ctx) netip.Addr {
	peer := netip.Addr{}
	if tcp, ok := c.Context().RemoteAddr().(*net.TCPAddr); ok {
		peer = tcp.AddrPort().Addr()
	}
	var hops []string
	for _, value := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(value), ",")...)
	}
	return origin(peer, hops, g.TrustedProxies)
}

// origin returns the peer, or, where the peer is a trusted proxy, the last of the
// hops that is not one. The client wrote what stands further left, so it proves
// nothing.
func origin(peer netip.Addr, hops []string, trusted []netip.Prefix) netip.Addr {
	peer = peer.Unmap().WithZone("")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(peer) }) {
			break
		}
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		peer = next.Unmap().WithZone("")
	}
	return peer
}

// parseHop reads an address as proxies write it, some of them with the port.
func parseHop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	return addr, err == nil
}
