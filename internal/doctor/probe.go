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

// probe is one magic packet that is sent to find out, and what was seen of it.
type probe struct {
	iface  string
	mac    wol.MAC
	legs   []leg         // where the kernel accepted it
	failed []wol.Failure // where it did not
	err    error         // of the whole call, if failed is empty
}

// leg is a probe's way to one destination.
type leg struct {
	destination string         // as the receipt has it
	to          netip.AddrPort // without a zone; not valid for a raw frame
	route       route          // of a configured destination
	out         int            // index of the interface that it is sent by
	uplinks     []int          // where it leaves this host, by index

	watched bool  // it would be captured
	left    []int // the uplinks that it was captured at
}

// newProbes gives each eligible interface a MAC that is locally administered
// (IEEE 802, the second bit of the first byte), and so on no card: 02, "WOL", and
// two bytes that differ by interface and, but for one case in 65,536, by run, so that
// two doctors do not take each other's probes for their own.
func (f facts) newProbes() []probe {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	run := binary.BigEndian.Uint16(random[:])
	var probes []probe
	for i, one := range f.eligible() {
		mac := wol.MAC{2, 'W', 'O', 'L'}
		binary.BigEndian.PutUint16(mac[4:], run+uint16(i))
		probes = append(probes, probe{iface: one.Name, mac: mac})
	}
	return probes
}

// send sends the probe and notes what became of it.
func (p *probe) send(ctx context.Context, waker wol.Waker, f facts, watching bool) {
	receipts, err := waker.Wake(ctx, p.request())
	if e, ok := errors.AsType[*wol.Error](err); ok && len(e.Failed) > 0 {
		p.failed, err = e.Failed, nil
	}
	p.err = err
	for _, r := range receipts {
		p.failed = append(p.failed, r.Failed...)
		for _, d := range r.Sent {
			l, known := f.leg(p.iface, d.Destination)
			l.watched = watching && known && !l.route.stays(f.links)
			p.legs = append(p.legs, l)
		}
	}
}

func (p *probe) request() wol.Request {
	return wol.Request{ID: wol.NewRequestID(), Interface: p.iface, Targets: []wol.Target{{MAC: p.mac}}}
}

// leg returns where a probe by an interface to a destination goes; known reports
// whether its uplinks are.
func (f facts) leg(iface, destination string) (l leg, known bool) {
	l = leg{destination: destination, out: f.links.named(iface).Index}
	if to, err := netip.ParseAddrPort(destination); err == nil {
		l.to = netip.AddrPortFrom(to.Addr().WithZone(""), to.Port())
		if f.fixed() {
			l.route = f.routeTo(to.Addr())
			l.out = l.route.path.Interface
		}
	}
	l.uplinks, known = f.links.uplinks(l.out)
	return l, known
}

// fixed reports whether the destination is a configured one.
func (l leg) fixed() bool { return l.route.destination != "" }

// broadcast reports whether the probe leaves without asking for a MAC first: it goes
// to all or to a group, and not to one host or router.
func (l leg) broadcast() bool {
	return !l.fixed() || l.route.path.Broadcast || l.route.to.IsMulticast()
}

// note records what was captured, if it is this probe.
func (p *probe) note(s captured) {
	if s.mac != p.mac {
		return
	}
	for i, l := range p.legs {
		if l.watched && l.to == s.to && slices.Contains(l.uplinks, s.link) && !slices.Contains(l.left, s.link) {
			p.legs[i].left = append(l.left, s.link)
		}
	}
}
