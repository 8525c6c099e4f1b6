package broadcast

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// freshness is how long a survey of the interfaces is believed. A new cable or
// address is thus used within half a second of a wake, without a listener.
const freshness = 500 * time.Millisecond

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
	s.attach(&s.last, links)
	return s.last, nil
}

// attach gives every destination its socket, and closes those of links that are
// not there any more. One that is merely down keeps it: copies may be due.
func (s *Sender) attach(now *survey, links []link) {
	kept := make([]destination, 0, len(now.destinations))
	for _, d := range now.destinations {
		one, err := s.sockets[d.index], error(nil)
		if one == nil {
			one, err = openSocket(d.address.Addr())
		}
		if err != nil {
			now.down = append(now.down, wol.Failure{Interface: d.iface, Destination: d.text, Error: plain(err)})
			continue
		}
		d.via, s.sockets[d.index] = one, one
		kept = append(kept, d)
	}
	now.destinations = kept
	if links == nil { // configured destinations
		return
	}
	for index, one := range s.sockets {
		if !slices.ContainsFunc(links, func(l link) bool { return l.index == index }) {
			_ = one.conn.Close()
			delete(s.sockets, index)
		}
	}
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
