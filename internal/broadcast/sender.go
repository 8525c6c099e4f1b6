package broadcast

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// Config is where packets go and how often.
type Config struct {
	// Selection picks the interfaces whose broadcasts are used.
	Selection Selection
	// Destinations replaces everything that is sent by interfaces when not empty.
	Destinations []netip.AddrPort
	// Port is the UDP port of the interfaces' broadcasts; 9, "discard", by custom.
	Port uint16
	// IPv6 adds ff02::1 on each interface that has an IPv6 address.
	IPv6 bool
	// Raw adds a frame of EtherType 0x0842 on each Ethernet interface. It needs
	// CAP_NET_RAW; without it, a sender goes on with UDP and RawRefused returns why.
	Raw bool
	// Repeat is the number of copies of each packet, at least 1, and Interval
	// the gap between them. A card that is just falling asleep misses the first.
	Repeat   int
	Interval time.Duration
	// Pace waits until that many packets of later copies may leave; nil never waits.
	// The first copies are the caller's to pace.
	Pace func(ctx context.Context, packets int) error
	// Retry pays for one more packet and reports whether it may leave at once; nil always
	// allows it. It is called before a packet that the kernel dropped on its way is tried
	// again, because other interfaces may have heard the one that was dropped.
	Retry func() bool
}

// Sender is the wol.Waker that owns the sockets: one for each interface and kind
// of packet, or for each configured destination, for as long as that is there. Its
// methods may be called from many goroutines.
type Sender struct {
	config     Config
	rawRefused string
	log        *slog.Logger
	copies     *copies
	watch      *rtnetlink.Watch // nil where the kernel does not report changes
	followed   chan struct{}    // closed when nothing waits for watch any more
	ipsec      ipsec

	mu       sync.Mutex
	last     survey
	validity time.Duration // of last
	sockets  map[outlet]*socket
	onLAN    map[netip.Addr]bool // see surveyConfigured
}

// New returns a sender. Close releases it.
func New(config Config, log *slog.Logger) *Sender {
	s := &Sender{config: config, log: log, sockets: map[outlet]*socket{}, onLAN: map[netip.Addr]bool{}, followed: make(chan struct{})}
	if config.Raw {
		s.rawRefused = tryRaw()
		s.config.Raw = s.rawRefused == ""
	}
	s.ipsec.open()
	pace := config.Pace
	if pace == nil {
		pace = func(context.Context, int) error { return nil }
	}
	if config.Retry == nil {
		s.config.Retry = func() bool { return true }
	}
	s.copies = newCopies(config.Interval, pace, s.config.Retry, log)
	var err error
	if s.watch, err = rtnetlink.NewWatch(); err != nil {
		s.validity = unwatchedValidity
		close(s.followed)
		log.Info("the kernel does not report changes of interfaces: they are read again twice a second", "err", err)
		return s
	}
	s.validity = watchedValidity
	go s.follow()
	return s
}

// Close sends the copies that are still due and closes the sockets. Copies keep their
// gap as long as grace allows; the rest is sent without gaps within a second, or dropped
// and logged. Call it once. A Wake that is still running then may fail, or lose its
// copies.
func (s *Sender) Close(grace time.Duration) error {
	s.copies.drain(grace)
	var err error
	if s.watch != nil {
		err = s.watch.Close()
	}
	<-s.followed
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sockets {
		err = errors.Join(err, one.close())
	}
	return errors.Join(err, s.ipsec.close())
}

// RawRefused returns why raw frames are not sent although Config.Raw asks for them, or "".
func (s *Sender) RawRefused() string { return s.rawRefused }

// Interfaces lists every interface, eligible or why not. Where destinations are
// configured it lists one nameless interface that holds them.
func (s *Sender) Interfaces(context.Context) ([]wol.Interface, error) {
	now, err := s.survey()
	if err != nil {
		return nil, err
	}
	return now.interfaces, nil
}

// Packets returns how many packets one copy for one target is at this moment.
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
