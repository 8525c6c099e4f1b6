package broadcast

import (
	"net/netip"
	"testing"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestNoAllocationPerPacket counts what a thousand targets allocate on their way to
// the kernel: to begin with nothing at all in the part that sends, and then, in
// the call and its copies, no more than one target does.
func TestNoAllocationPerPacket(t *testing.T) {
	// Not parallel, and no receiver: testing.AllocsPerRun counts what all goroutines
	// allocate.
	nobody := netip.MustParseAddrPort("127.255.255.255:40009")
	targets := make([]wol.Target, wol.MaxTargets)
	for i := range targets {
		targets[i].MAC = woltest.MAC(i + 1)
	}
	targets[0].SecureOn, _ = wol.ParseSecureOn("c0a80107aabb")

	s := open(t, Config{Destinations: []netip.AddrPort{nobody, nobody}, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	now, err := s.survey()
	if err != nil {
		t.Fatal(err)
	}
	packets, err := marshal(targets[:maxBatch])
	if err != nil {
		t.Fatal(err)
	}
	failed := make([]error, len(packets))
	got := testing.AllocsPerRun(100, func() { now.destinations[0].send(t.Context(), packets, failed) })
	if got != 0 {
		t.Errorf("sending %d packets allocates %v times", maxBatch, got)
	}

	wake := func(targets []wol.Target) float64 {
		return testing.AllocsPerRun(20, func() {
			if _, err := s.Wake(t.Context(), wol.Request{Targets: targets}); err != nil {
				t.Error(err)
			}
		})
	}
	one, many := wake(targets[:1]), wake(targets)
	t.Logf("a call allocates %v times for 1 target, %v times for %d", one, many, len(targets))
	if many > one {
		t.Errorf("a call allocates %v times for 1 target and %v times for %d", one, many, len(targets))
	}

	c := newCopies(0, s.copies.pace, s.log)
	c.drain(time.Second)
	repeat := job{left: 1, due: time.Now(), meant: time.Now()}
	for _, to := range now.destinations {
		repeat.parts = append(repeat.parts, part{to: to, packets: packets})
	}
	if got := testing.AllocsPerRun(100, func() { c.send(repeat) }); got != 0 {
		t.Errorf("a copy of %d packets allocates %v times", maxBatch, got)
	}
}
