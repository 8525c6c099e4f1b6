package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// hardly is a queue that has room for hardly any packet (bytes).
const hardly = 300

func wakeOne(t *testing.T, s *Sender) ([]wol.Receipt, error) {
	t.Helper()
	return s.Wake(t.Context(), wol.Request{Targets: []wol.Target{{MAC: woltest.MAC(1)}}})
}

// TestWhatASiblingHearsIsCountedAndSaid sends by a macvlan whose card is full: the kernel
// hands each try to the other macvlans before the card drops it.
func TestWhatASiblingHearsIsCountedAndSaid(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "card0")
	lan.Macvlan("mac0", "10.90.0.1/24")
	sibling := lan.Macvlan("mac1")
	sibling.Listen()
	lan.Congest(hardly)
	const allowed = 3
	asked := 0
	s := open(t, Config{Port: 9, Repeat: 1, Selection: Selection{Only: names(t, "mac0")}, Retry: func() bool { asked++; return asked <= allowed }})
	t.Cleanup(func() { _ = s.Close(0) })
	tries, err := 0, error(nil)
	for err == nil && tries < 1000 {
		_, err = wakeOne(t, s)
		tries += 2 // destinations
	}
	e, _ := errors.AsType[*wol.Error](err)
	if e == nil || e.Kind != wol.Timeout || !e.Unsure || strings.Contains(e.Message, "nothing was sent") || len(e.Failed) != 2 || !strings.Contains(e.Failed[0].Error, "macvlan") {
		t.Errorf("after %d tries: %+v", tries, e)
	}
	if heard := len(sibling.Collect(100 * time.Millisecond)); asked <= allowed || heard != tries+allowed {
		t.Errorf("the sibling heard %d packets of %d and %d paid retries", heard, tries, allowed)
	}
}

// TestRoomIsWaitedForOnce has many interfaces on a full card: the call waits as long as it
// would for one of them.
func TestRoomIsWaitedForOnce(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "card0")
	const many = 40
	for n := range many {
		lan.Macvlan(fmt.Sprint("mac", n))
	}
	lan.Congest(hardly)
	s := open(t, Config{Port: 9, Repeat: 1, Selection: Selection{Only: names(t, "mac*")}})
	t.Cleanup(func() { _ = s.Close(0) })
	start := time.Now()
	receipts, err := wakeOne(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if failed := len(receipts[0].Failed); failed < many/2 {
		t.Errorf("%d of %d interfaces had no room: the card is not full", failed, many)
	}
	if took := time.Since(start); took > many*roomWait/4 {
		t.Errorf("took %v, where one interface waits %v", took, roomWait)
	}
}

// TestACallThatWaitsForRoomIsAnsweredInTime has a card that takes packets all the time, but
// not all of them before the call's deadline.
func TestACallThatWaitsForRoomIsAnsweredInTime(t *testing.T) {
	lantest.Require(t)
	lantest.New(t, "lan0", "10.90.0.1/24").Slow(hardly)
	s := open(t, Config{Port: 9, Repeat: 1})
	t.Cleanup(func() { _ = s.Close(0) })
	var req wol.Request
	for n := range maxBatch {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*answerTime)
	defer cancel()
	receipts, err := s.Wake(ctx, req)
	if err != nil || wol.Ended(ctx) != nil {
		t.Fatalf("%v, and the call has ended: %v", err, wol.Ended(ctx))
	}
	sent, failed := 0, 0
	for _, r := range receipts {
		sent, failed = sent+len(r.Sent), failed+len(r.Failed)
	}
	if sent == 0 || failed == 0 {
		t.Errorf("%d packets sent and %d not, want some of both", sent, failed)
	}
}
