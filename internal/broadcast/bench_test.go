package broadcast

import (
	"log/slog"
	"net/netip"
	"testing"

	"wolgate/internal/woltest"
)

// BenchmarkWake sends to loopback, where nobody receives.
func BenchmarkWake(b *testing.B) {
	s := New(Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("127.255.255.255:40009")}, Repeat: 1}, slog.New(slog.DiscardHandler))
	b.Cleanup(func() { _ = s.Close(0) })
	woltest.Bench(b, s)
}
