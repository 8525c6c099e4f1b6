package broadcast

import (
	"log/slog"
	"net/netip"
	"strconv"
	"testing"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// BenchmarkWake sends to loopback, where nobody receives.
func BenchmarkWake(b *testing.B) {
	s := New(Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("127.255.255.255:40009")}, Repeat: 1}, slog.New(slog.DiscardHandler))
	b.Cleanup(func() { _ = s.Close(0) })
	for _, n := range []int{1, wol.MaxTargets} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			req := wol.Request{ID: "id-1", Targets: make([]wol.Target, n)}
			for i := range req.Targets {
				req.Targets[i].MAC = woltest.MAC(i + 1)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Wake(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
