package broadcast

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// newBenchSender sends to loopback, where nobody receives.
func newBenchSender(b *testing.B) *Sender {
	s := New(Config{Destinations: []netip.AddrPort{netip.MustParseAddrPort("127.255.255.255:40009")}, Repeat: 1}, slog.New(slog.DiscardHandler))
	b.Cleanup(func() { _ = s.Close(0) })
	return s
}

// BenchmarkWake: a thousand targets should take no more allocations than one does.
func BenchmarkWake(b *testing.B) { woltest.Bench(b, newBenchSender(b)) }

// BenchmarkCopies repeats as many packets as one system call takes. It should allocate
// nothing.
func BenchmarkCopies(b *testing.B) {
	s := newBenchSender(b)
	now, err := s.survey()
	if err != nil {
		b.Fatal(err)
	}
	packets, err := marshal(make([]wol.Target, maxBatch))
	if err != nil {
		b.Fatal(err)
	}
	c := newCopies(0, s.copies.pace, s.config.Retry, s.log)
	c.drain(time.Second)
	j := job{left: 1, parts: []part{{to: now.destinations[0], packets: packets}}}
	b.ReportAllocs()
	for b.Loop() {
		j.meant = time.Now()
		c.send(j)
	}
}
