// Package broadcast sends magic packets over UDP: it decides which interfaces
// and destinations a packet goes to, sends it there, and says what happened.
package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// Config says where packets go and how often.
type Config struct {
	// Selection picks the interfaces whose broadcasts are used.
	Selection Selection
	// Destinations replaces the broadcasts of the interfaces when not empty.
	Destinations []netip.AddrPort
	// Port is the UDP port of the interfaces' broadcasts; 9, "discard", by custom.
	Port uint16
	// Repeat is the number of copies of each packet, at least 1, and Interval
	// the gap between them. A card that is just falling asleep misses the first.
	Repeat   int
	Interval time.Duration
	// Pace is asked before that many packets of a later copy leave, and waits
	// until they may; nil never waits. The first copies are the caller's to pace.
	Pace func(ctx context.Context, packets int) error
}

// Sender is the wol.Waker that owns the sockets: one for each interface, or for
// each configured destination, for as long as that is there. Its methods may be
// called from many goroutines.
type Sender struct {
	config Config
	fixed  *survey // of Config.Destinations; nil where interfaces are surveyed
	copies *copies

	mu      sync.Mutex
	last    survey
	sockets map[int]*socket // by index of the interface, or of the destination
}

// New returns a sender. Close releases it.
func New(config Config, log *slog.Logger) (*Sender, error) {
	s := &Sender{config: config, sockets: map[int]*socket{}}
	if len(config.Destinations) > 0 {
		fixed := survey{}
		listed := wol.Interface{Eligible: true, Addresses: []string{}}
		for i, to := range config.Destinations {
			fixed.destinations = append(fixed.destinations, destination{address: to, text: to.String(), index: i})
			listed.Destinations = append(listed.Destinations, to.String())
		}
		fixed.interfaces = []wol.Interface{listed}
		s.attach(&fixed, nil)
		if len(fixed.down) > 0 {
			return nil, fmt.Errorf("send to %s: %s", fixed.down[0].Destination, fixed.down[0].Error)
		}
		s.fixed = &fixed
	}
	pace := config.Pace
	if pace == nil {
		pace = func(context.Context, int) error { return nil }
	}
	s.copies = newCopies(config.Interval, pace, log)
	return s, nil
}

// Close sends the copies that are still due and closes the sockets. Copies keep
// their gap as long as grace allows; what is left then goes out at once, within
// a second, or is dropped and logged. Call it once. A Wake that is still under
// way then may fail, or lose its copies.
func (s *Sender) Close(grace time.Duration) error {
	s.copies.drain(grace)
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, one := range s.sockets {
		err = errors.Join(err, one.conn.Close())
	}
	return err
}

// Interfaces lists every interface, eligible or why not. Where destinations are
// configured it lists one nameless interface that holds them.
func (s *Sender) Interfaces(context.Context) ([]wol.Interface, error) {
	now, err := s.survey()
	if err != nil {
		return nil, err
	}
	return now.interfaces, nil
}

// Packets returns how many packets the first copy for one target takes now.
func (s *Sender) Packets(iface string) int {
	now, err := s.survey()
	if err != nil {
		return 1
	}
	destinations, _, err := now.choose(iface)
	if err != nil {
		return 1
	}
	return len(destinations)
}

// Wake sends one packet per target to every destination; one that fails never
// stops the rest. The remaining copies follow on their own.
func (s *Sender) Wake(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
	now, err := s.survey()
	if err != nil {
		return nil, err
	}
	destinations, down, err := now.choose(req.Interface)
	if err != nil {
		return nil, err
	}
	packets, err := marshal(req.Targets)
	if err != nil {
		return nil, err
	}
	job := job{requestID: req.ID, packets: packets, destinations: destinations, left: s.config.Repeat - 1}
	if !s.copies.reserve(job) {
		return nil, &wol.Error{Kind: wol.RateLimited, RetryAfter: s.config.Interval, Message: "too many copies of earlier packets are still due: wait as long as Retry-After says"}
	}
	receipts := make([]wol.Receipt, len(packets))
	tried, anySent, anyFailed := 0, false, false
	for ; tried < len(packets) && ctx.Err() == nil; tried++ {
		sent, failed := sendOne(ctx, packets[tried], destinations)
		anySent = anySent || len(sent) > 0
		anyFailed = anyFailed || len(failed) > 0
		receipts[tried] = wol.NewReceipt(req.Targets[tried].MAC, req.ID, sent, append(failed, down...))
	}
	if anyFailed {
		s.forget()
	}
	if !anySent {
		s.copies.release(job)
		if tried == 0 {
			return nil, &wol.Error{Kind: wol.Timeout, Message: "the call's deadline passed before anything was sent: try again", Err: ctx.Err()}
		}
		return nil, nothingSent(receipts[0].Failed)
	}
	// Targets whose turn did not come any more get no copies either.
	late := job
	job.packets, late.packets = packets[:tried], packets[tried:]
	s.copies.release(late)
	for i := range late.packets {
		receipts[tried+i] = wol.NewReceipt(req.Targets[tried+i].MAC, req.ID, nil, overdue(destinations))
	}
	s.copies.add(job)
	return receipts, nil
}

// sendOne sends one packet to every destination.
func sendOne(ctx context.Context, packet []byte, destinations []destination) (sent []wol.Delivery, failed []wol.Failure) {
	sent = make([]wol.Delivery, 0, len(destinations))
	for _, d := range destinations {
		if err := d.send(ctx, packet); err != nil {
			failed = append(failed, wol.Failure{Interface: d.iface, Destination: d.text, Error: plain(err)})
			continue
		}
		sent = append(sent, wol.Delivery{Interface: d.iface, Destination: d.text, Bytes: len(packet)})
	}
	return sent, failed
}

// overdue says of every destination that the call had ended before.
func overdue(destinations []destination) []wol.Failure {
	failed := make([]wol.Failure, len(destinations))
	for i, d := range destinations {
		failed[i] = wol.Failure{Interface: d.iface, Destination: d.text, Error: "the call ended before this target's turn"}
	}
	return failed
}

// marshal encodes all packets into one buffer.
func marshal(targets []wol.Target) ([][]byte, error) {
	buffer := make([]byte, 0, len(targets)*magicpacket.LenSecureOn)
	packets := make([][]byte, len(targets))
	for i, t := range targets {
		start := len(buffer)
		var err error
		buffer, err = magicpacket.Packet{Target: t.MAC, SecureOn: t.SecureOn.Bytes()}.AppendBinary(buffer)
		if err != nil {
			return nil, err
		}
		packets[i] = buffer[start:len(buffer):len(buffer)]
	}
	return packets, nil
}
