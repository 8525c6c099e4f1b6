package broadcast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

func open(t *testing.T, config Config) *Sender {
	t.Helper()
	return New(config, slog.New(slog.DiscardHandler))
}

func TestSenderIsAWaker(t *testing.T) {
	t.Parallel()
	woltest.Suite(t, func(t *testing.T, destination netip.AddrPort) wol.Waker {
		s := open(t, Config{Destinations: []netip.AddrPort{destination}, Repeat: 1})
		t.Cleanup(func() { _ = s.Close(0) })
		return s
	})
}

func TestCopiesFollowTheAnswer(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	const gap = time.Second
	s := open(t, Config{Destinations: []netip.AddrPort{r.Addr()}, Repeat: 3, Interval: gap})
	target := wol.Target{MAC: woltest.MAC(1)}
	start := time.Now()
	if _, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{target}}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took >= gap {
		t.Errorf("the answer took %v: it waited for the copies", took)
	}
	for copy := range 3 {
		if diff := cmp.Diff(woltest.Packet(t, target), r.Next(t)); diff != "" {
			t.Errorf("copy %d (-want +got):\n%s", copy+1, diff)
		}
		if at := time.Since(start); at < time.Duration(copy)*gap {
			t.Errorf("copy %d came after %v, before its time", copy+1, at)
		}
	}
	if err := s.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	r.Nothing(t)
}

func TestCloseSendsTheRemainingCopies(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	s := open(t, Config{Destinations: []netip.AddrPort{r.Addr()}, Repeat: 10, Interval: time.Hour})
	const targets = 20
	for n := range targets {
		if _, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(n + 1)}}}); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if err := s.Close(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	got := map[string]int{}
	for range 10 * targets {
		got[string(r.Next(t))]++
	}
	for packet, n := range got {
		if n != 10 {
			t.Errorf("target %x was sent %d copies, want 10", packet[6:12], n)
		}
	}
	r.Nothing(t)
}

// TestCloseKeepsThePace: a daemon that is restarted does not let out at once what its
// budget has held back.
func TestCloseKeepsThePace(t *testing.T) {
	t.Parallel()
	const targets, copies, perSecond = 100, 20, 100
	r := woltest.Listen(t)
	limiter := rate.NewLimiter(perSecond, perSecond)
	var log bytes.Buffer
	s := New(Config{
		Destinations: []netip.AddrPort{r.Addr()}, Repeat: copies, Interval: time.Millisecond, Pace: limiter.WaitN,
	}, slog.New(slog.NewJSONHandler(&log, nil)))
	var req wol.Request
	for n := range targets {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	if _, err := s.Wake(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := s.Close(0); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	arrived := 0
	for _, ok := r.Wait(time.Second); ok; _, ok = r.Wait(100 * time.Millisecond) {
		arrived++
	}
	dropped := 0
	for text := range bytes.Lines(log.Bytes()) {
		var line struct{ Packets int }
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		dropped += line.Packets
	}
	// The first copies, the burst, and what the time was enough for.
	if most := targets + perSecond + int(perSecond*took.Seconds()) + 1; arrived > most || arrived+dropped != targets*copies {
		t.Errorf("%d packets in %v, want %d at most; %d dropped", arrived, took, most, dropped)
	}
}

// TestLateCopiesAreDropped: what should have left seconds ago is of no use.
func TestLateCopiesAreDropped(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	s := open(t, Config{Destinations: []netip.AddrPort{r.Addr()}, Repeat: 1})
	if _, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}}); err != nil {
		t.Fatal(err)
	}
	packet := r.Next(t)
	now, err := s.survey()
	if err != nil {
		t.Fatal(err)
	}
	destinations, _, err := now.choose("")
	if err != nil {
		t.Fatal(err)
	}
	late := job{left: 3, due: time.Now(), meant: time.Now().Add(-mostLate), parts: []part{{to: destinations[0], packets: [][]byte{packet}}}}
	if s.copies.send(late) {
		t.Error("there is to be another copy")
	}
	r.Nothing(t)
	late.meant = time.Now().Add(-mostLate / 2)
	if !s.copies.send(late) {
		t.Error("half as late is too late")
	}
	r.Next(t)
	if err := s.Close(0); err != nil {
		t.Fatal(err)
	}
}

func TestPendingCopiesAreBounded(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	s := open(t, Config{Destinations: []netip.AddrPort{r.Addr()}, Repeat: 2, Interval: time.Hour})
	s.copies.mu.Lock()
	s.copies.pending = maxPending
	s.copies.mu.Unlock()
	got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if err == nil || wol.KindOf(err) != wol.RateLimited {
		t.Errorf("got %v, %v; want kind rate_limited", got, err)
	}
	r.Nothing(t)
	if err := s.Close(0); err != nil {
		t.Fatal(err)
	}
}

func TestOneBadDestinationDoesNotStopTheRest(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	// Loopback has no multicast, so that this fails and stays here.
	nowhere := netip.MustParseAddrPort("[ff02::1%1]:40009")
	missing := netip.MustParseAddrPort("[ff02::1%missing0]:40009")
	s := open(t, Config{Destinations: []netip.AddrPort{nowhere, missing, r.Addr()}, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Status != wol.Partial || len(got[0].Sent) != 1 || len(got[0].Failed) != 2 || got[0].Failed[1].Error != "no such network interface" {
		t.Errorf("got %+v", got[0])
	}
	r.Next(t)
	r.Nothing(t)

	none := open(t, Config{Destinations: []netip.AddrPort{nowhere}, Repeat: 3})
	t.Cleanup(func() { _ = none.Close(0) })
	_, err = none.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
	var e *wol.Error
	if !errors.As(err, &e) || e.Kind != wol.Unavailable || len(e.Failed) != 1 || e.Failed[0].Error == "" || !strings.Contains(err.Error(), e.Failed[0].Error) {
		t.Errorf("with no destination left: %v; want kind unavailable and the cause", err)
	}
	if none.copies.pending != 0 {
		t.Errorf("%d packets are still counted as pending", none.copies.pending)
	}
}

// TestAnICMPErrorIsNotThisPackets sends to a port that nobody listens on: the kernel
// reports the refusal of one packet (RFC 1122 section 4.1.3.3) in place of sending the
// next.
func TestAnICMPErrorIsNotThisPackets(t *testing.T) {
	t.Parallel()
	closed, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	to := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Destinations: []netip.AddrPort{to}, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	for n := range 20 {
		got, err := s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
		if err != nil || got[0].Status != wol.Sent {
			t.Fatalf("wake %d: %v, %+v", n+1, err, got)
		}
	}
}

// TestATargetPastTheDeadlineIsNotSentLater ends a call between two batches: the
// targets whose turn did not come are told so, and get no copy either.
func TestATargetPastTheDeadlineIsNotSentLater(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	s := open(t, Config{Destinations: []netip.AddrPort{r.Addr()}, Repeat: 3, Interval: time.Millisecond})
	ctx := &endsAfter{Context: t.Context(), looks: 2}
	const sent = 2 * maxBatch
	targets := make([]wol.Target, sent+1)
	for i := range targets {
		targets[i].MAC = woltest.MAC(i + 1)
	}
	got, err := s.Wake(ctx, wol.Request{Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	for i, receipt := range got[:sent] {
		if !receipt.OK {
			t.Errorf("receipt %d: %+v", i, receipt)
		}
	}
	if late := got[sent]; late.OK || len(late.Failed) != 1 || !strings.Contains(late.Failed[0].Error, "turn") {
		t.Errorf("receipt %+v", late)
	}
	if err := s.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if s.copies.pending != 0 {
		t.Errorf("%d packets are still counted as pending", s.copies.pending)
	}
	for range 3 * sent {
		if packet := r.Next(t); string(packet) == string(woltest.Packet(t, targets[sent])) {
			t.Error("the last target was sent a packet")
		}
	}
	r.Nothing(t)
}

// endsAfter is a context that has ended when it is looked at once too often.
type endsAfter struct {
	context.Context
	looks int
}

func (c *endsAfter) Err() error {
	if c.looks--; c.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}
