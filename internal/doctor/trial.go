package doctor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"wolgate/internal/wol"
)

// trial is one probe.
type trial struct {
	iface  string
	mac    wol.MAC
	legs   []leg         // where the kernel accepted it
	failed []wol.Failure // where it did not
	err    error         // of the whole call, where failed does not tell
}

// leg is a probe's way to one destination.
type leg struct {
	destination string         // as the receipt has it
	to          netip.AddrPort // without a zone; not valid for a raw frame
	way         way            // of a configured destination
	out         int            // index of the interface that it is sent by
	outlets     []int          // where it leaves this host, by index

	watched bool  // it would be seen
	left    []int // the outlets that it was seen to leave by
}

// newTrials gives each eligible interface a MAC that is locally administered
// (IEEE 802, the second bit of the first byte), and so on no card: 02, "WOL", and
// two bytes that differ from interface to interface and most likely from run to run:
// in one case of 65,536, two doctors at once take each other's probes for theirs.
func (f facts) newTrials() []trial {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	run := binary.BigEndian.Uint16(random[:])
	var trials []trial
	for i, one := range f.eligible() {
		mac := wol.MAC{2, 'W', 'O', 'L'}
		binary.BigEndian.PutUint16(mac[4:], run+uint16(i))
		trials = append(trials, trial{iface: one.Name, mac: mac})
	}
	return trials
}

// send sends the probe and notes what became of it.
func (t *trial) send(ctx context.Context, waker wol.Waker, f facts, watching bool) {
	receipts, err := waker.Wake(ctx, t.request())
	if e, ok := errors.AsType[*wol.Error](err); ok && len(e.Failed) > 0 {
		t.failed, err = e.Failed, nil
	}
	t.err = err
	for _, r := range receipts {
		t.failed = append(t.failed, r.Failed...)
		for _, d := range r.Sent {
			l, known := f.leg(t.iface, d.Destination)
			l.watched = watching && known && !l.way.stays(f.links)
			t.legs = append(t.legs, l)
		}
	}
}

func (t *trial) request() wol.Request {
	return wol.Request{ID: wol.NewRequestID(), Interface: t.iface, Targets: []wol.Target{{MAC: t.mac}}}
}

// leg says where a probe by an interface to a destination goes, and whether it is
// known where it leaves.
func (f facts) leg(iface, destination string) (l leg, known bool) {
	l = leg{destination: destination, out: f.links.named(iface).Index}
	if to, err := netip.ParseAddrPort(destination); err == nil {
		l.to = netip.AddrPortFrom(to.Addr().WithZone(""), to.Port())
		if f.fixed() {
			l.way = f.wayOf(to.Addr())
			l.out = l.way.path.Interface
		}
	}
	l.outlets, known = f.links.outlets(l.out)
	return l, known
}

// fixed says whether the destination is a configured one.
func (l leg) fixed() bool { return l.way.destination != "" }

// broadcast says whether the probe leaves without anybody being asked for a MAC:
// to all or to a group, and not to one host or router.
func (l leg) broadcast() bool {
	return !l.fixed() || l.way.path.Broadcast || l.way.to.IsMulticast()
}

// note notes what was seen, if it is of this trial.
func (t *trial) note(s sighting) {
	if s.mac != t.mac {
		return
	}
	for i, l := range t.legs {
		if l.watched && l.to == s.to && slices.Contains(l.outlets, s.link) && !slices.Contains(l.left, s.link) {
			t.legs[i].left = append(l.left, s.link)
		}
	}
}
