// Package broadcast sends magic packets over UDP: it decides which interfaces
// and destinations a packet goes to, sends it there, and says what happened.
package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
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
}

// freshness is how long a survey of the interfaces is believed. A new cable or
// address is thus used within half a second of a wake, without a listener.
const freshness = 500 * time.Millisecond

// Sender is the wol.Waker that owns the sockets: one per address family, for
// as long as it lives. Its methods may be called from many goroutines.
type Sender struct {
	config Config
	fixed  *survey // of Config.Destinations; nil where interfaces are surveyed
	v4, v6 *net.UDPConn
	copies *copies

	mu   sync.Mutex
	last survey
}

// New opens the sockets. Close releases them.
func New(config Config, log *slog.Logger) (*Sender, error) {
	s := &Sender{config: config}
	var err error
	// Go sets SO_BROADCAST on every UDP socket.
	if s.v4, err = net.ListenUDP("udp4", nil); err != nil {
		return nil, fmt.Errorf("open UDP socket: %w", err)
	}
	if len(config.Destinations) > 0 {
		fixed := survey{}
		listed := wol.Interface{Eligible: true, Addresses: []string{}}
		for _, to := range config.Destinations {
			fixed.destinations = append(fixed.destinations, destination{address: to, text: to.String()})
			listed.Destinations = append(listed.Destinations, to.String())
			if to.Addr().Is6() && s.v6 == nil {
				if s.v6, err = net.ListenUDP("udp6", nil); err != nil {
					_ = s.v4.Close()
					return nil, fmt.Errorf("open IPv6 UDP socket for %s: %w", to, err)
				}
			}
		}
		fixed.interfaces = []wol.Interface{listed}
		s.fixed = &fixed
	}
	s.copies = newCopies(config.Interval, s.write, log)
	return s, nil
}

// Close sends the copies that are still due and closes the sockets. Copies keep
// their gap as long as grace allows; what is left then goes out at once. Call it
// once. A Wake that is still under way then may fail, or lose its copies.
func (s *Sender) Close(grace time.Duration) error {
	s.copies.drain(grace)
	err := s.v4.Close()
	if s.v6 != nil {
		err = errors.Join(err, s.v6.Close())
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

// Packets returns how many packets, copies included, one target costs now.
func (s *Sender) Packets(iface string) int {
	now, err := s.survey()
	if err != nil {
		return s.config.Repeat
	}
	destinations, _, err := now.choose(iface)
	if err != nil {
		return s.config.Repeat
	}
	return max(1, len(destinations)) * s.config.Repeat
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
		sent, failed := s.sendOne(packets[tried], destinations)
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
func (s *Sender) sendOne(packet []byte, destinations []destination) (sent []wol.Delivery, failed []wol.Failure) {
	sent = make([]wol.Delivery, 0, len(destinations))
	for _, d := range destinations {
		if err := s.write(packet, d); err != nil {
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

// write hands one packet to the kernel. Remainder: it waits while the socket's
// buffer is full, so that one card that takes nothing any more (an Ethernet
// PAUSE, IEEE 802.3x) delays the others.
func (s *Sender) write(packet []byte, d destination) error {
	conn := s.v4
	if d.address.Addr().Is6() {
		conn = s.v6
	}
	_, _, err := conn.WriteMsgUDPAddrPort(packet, d.control, d.address)
	return err
}

// survey returns the configured destinations, or the interfaces as they were at
// most freshness ago.
func (s *Sender) survey() (survey, error) {
	if s.fixed != nil {
		return *s.fixed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.taken.IsZero() && now.Sub(s.last.taken) < freshness {
		return s.last, nil
	}
	links, err := readLinks()
	if err != nil {
		return survey{}, &wol.Error{Kind: wol.Unavailable, Message: "the network interfaces of this host cannot be read: see the log of wol-server", RetryAfter: time.Second, Err: err}
	}
	s.last = newSurvey(links, s.config.Selection, s.config.Port, now)
	return s.last, nil
}

// forget makes the next call look at the interfaces again.
func (s *Sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = survey{}
}

// choose narrows the survey to one interface, or keeps all for "".
func (s survey) choose(iface string) ([]destination, []wol.Failure, error) {
	destinations, down := s.destinations, s.down
	if iface != "" {
		destinations, down = nil, nil
		for _, d := range s.destinations {
			if d.iface == iface {
				destinations = append(destinations, d)
			}
		}
		for _, f := range s.down {
			if f.Interface == iface {
				down = append(down, f)
			}
		}
		if len(destinations) == 0 && len(down) == 0 {
			return nil, nil, &wol.Error{Kind: wol.Invalid, Message: "interface is not one that wol-server sends on: GET /api/v1/interfaces lists those that are eligible"}
		}
	}
	if len(destinations) == 0 {
		return nil, nil, nothingSent(down)
	}
	return destinations, down, nil
}

func nothingSent(failed []wol.Failure) error {
	e := &wol.Error{Kind: wol.Unavailable, RetryAfter: 5 * time.Second, Failed: failed}
	if len(failed) == 0 {
		e.Message = "nothing was sent: no network interface of wol-server's host is eligible; GET /api/v1/interfaces gives the reason of each"
		return e
	}
	e.Message = "nothing was sent: every destination failed, as the list shows; check the cable, the interface and its address"
	for _, f := range failed {
		e.Err = errors.Join(e.Err, fmt.Errorf("%s via %q: %s", f.Destination, f.Interface, f.Error))
	}
	return e
}

// plain returns the kernel's own word for an error, such as "network is
// unreachable", without the addresses that package net puts around it.
func plain(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
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
