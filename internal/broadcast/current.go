package broadcast

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// How long a survey of the interfaces is valid: while the kernel reports changes, and
// where it does not.
const (
	watchedValidity   = 10 * time.Second
	unwatchedValidity = 500 * time.Millisecond
)

// follow forgets the survey whenever the kernel reports a change, until the
// watch is closed.
func (s *Sender) follow() {
	defer close(s.followed)
	var err error
	for err == nil {
		err = s.watch.Wait()
		s.forget()
	}
	if !errors.Is(err, net.ErrClosed) {
		s.log.Warn("the kernel no longer reports changes of interfaces: they are read again twice a second", "err", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.validity = unwatchedValidity
	}
}

// forget makes the next call look at the interfaces again.
func (s *Sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = survey{}
}

// survey returns where packets go now. Calls that come while the interfaces are read
// wait for it: the kernel answers in milliseconds, unless a process holds its lock for
// the network's configuration (rtnl).
func (s *Sender) survey() (survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	validity := s.validity
	if s.last.unsettled {
		validity = unwatchedValidity
	}
	if !s.last.taken.IsZero() && now.Sub(s.last.taken) < validity {
		return s.last, nil
	}
	read, links, err := s.read()
	if err != nil {
		return survey{}, &wol.Error{Kind: wol.Unavailable, Message: "the network interfaces of this host cannot be read: see the log of wol-server", RetryAfter: time.Second, Err: err}
	}
	s.last = read
	s.last.taken = now
	s.attach(&s.last, links)
	return s.last, nil
}

// read surveys the interfaces, as far as the configuration needs them.
func (s *Sender) read() (survey, []rtnetlink.Link, error) {
	fixed := s.config.Destinations
	links, err := rtnetlink.Links()
	if err != nil && (len(fixed) == 0 || slices.ContainsFunc(fixed, func(to netip.AddrPort) bool { return to.Addr().Zone() != "" })) {
		return survey{}, nil, err
	}
	if len(fixed) > 0 {
		return surveyConfigured(fixed, links, s.onLAN), links, nil
	}
	return newSurvey(links, s.config, refusal), links, nil
}

const unknownBroadcast = "the routing tables do not know this broadcast address"

// refusal asks the kernel why it would not broadcast a packet sent to an address by an
// interface, and returns "" where it would. Where it cannot be asked, the error of the
// send decides.
func refusal(to netip.Addr, iface int) string {
	path, err := rtnetlink.Lookup(to, iface)
	switch {
	case err == nil && !path.Broadcast:
		return unknownBroadcast
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENODEV),
		errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL): // the last two are routes of the types prohibit and blackhole
		return "the routing tables refuse this broadcast address: " + errorText(err)
	default:
		return ""
	}
}

// attach gives every destination its socket, and closes those of interfaces that no
// longer exist. One that is merely down keeps it: copies may be due.
func (s *Sender) attach(now *survey, links []rtnetlink.Link) {
	kept := make([]destination, 0, len(now.destinations))
	for _, d := range now.destinations {
		one, err := s.sockets[d.outlet], error(nil)
		if one == nil {
			one, err = openSocket(d.outlet.family, &s.ipsec.sends)
		}
		if err != nil {
			now.down = append(now.down, d.failure(err))
			now.unsettled = true // the process may be out of descriptors, for a while
			continue
		}
		d.socket, s.sockets[d.outlet] = one, one
		kept = append(kept, d)
	}
	now.destinations = kept
	for outlet, one := range s.sockets {
		if outlet.index != 0 && !slices.ContainsFunc(links, func(l rtnetlink.Link) bool { return l.Index == outlet.index }) {
			_ = one.close()
			delete(s.sockets, outlet)
		}
	}
}

// tryRaw returns why bare frames cannot be sent, or "".
func tryRaw() string {
	one, err := openSocket(unix.AF_PACKET, nil)
	switch {
	case err == nil:
		_ = one.close()
		return ""
	case errors.Is(err, unix.EPERM):
		return "--raw needs CAP_NET_RAW, which this process does not have"
	default:
		return "--raw needs packet sockets: " + errorText(err)
	}
}

// choose narrows the survey to one interface, by its name or an altname, or keeps all
// for "".
func (s survey) choose(iface string) ([]destination, []wol.Failure, error) {
	destinations, down := s.destinations, s.down
	if name, ok := s.altNames[iface]; ok {
		iface = name
	}
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
		return nil, nil, nothingSent(down, false)
	}
	return destinations, down, nil
}

// nothingSent returns the error of a call whose every destination failed. Where a packet
// may have been heard all the same, it must not deny that.
func nothingSent(failed []wol.Failure, unsure bool) error {
	e := &wol.Error{Kind: wol.Unavailable, RetryAfter: 5 * time.Second, Failed: failed}
	if len(failed) == 0 {
		e.Message = "nothing was sent: no network interface of wol-server's host is eligible; GET /api/v1/interfaces gives the reason of each"
		return e
	}
	e.Message = "nothing was sent: every destination failed, as the list shows; check the cable, the interface and its address"
	if unsure {
		e.Kind, e.Unsure = wol.Timeout, true
		e.Message = "it is not known whether a packet left: every destination failed, but other macvlan interfaces of the same card may have heard one; try again"
	}
	for _, f := range failed {
		e.Err = errors.Join(e.Err, fmt.Errorf("%s via %q: %s", f.Destination, f.Interface, f.Error))
	}
	return e
}
