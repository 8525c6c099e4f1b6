package doctor_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"wolgate/internal/broadcast"
	"wolgate/internal/doctor"
	"wolgate/internal/wol"
)

const rawFrame = "ff:ff:ff:ff:ff:ff/0x0842"

// setup is how the daemon is configured.
type setup struct {
	Port      uint16
	Only      broadcast.Names // interfaces; empty for all
	Fixed     string          // --destinations
	IPv6, Raw bool
}

// doctor returns the doctor of a host of metal, in no container, and what opens
// the daemon's own sender for it.
func (s setup) doctor(t *testing.T) (doctor.Doctor, doctor.Open) {
	t.Helper()
	fixed, err := broadcast.ParseDestinations(s.Fixed, s.Port)
	if err != nil {
		t.Fatal(err)
	}
	config := broadcast.Config{Port: s.Port, Selection: broadcast.Selection{Only: s.Only}, Destinations: fixed, IPv6: s.IPv6, Raw: s.Raw, Repeat: 1}
	sender := func(c broadcast.Config) *broadcast.Sender {
		one := broadcast.New(c, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { _ = one.Close(0) })
		return one
	}
	own := sender(config)
	open := func(port uint16) (wol.Waker, func()) {
		if port == 0 {
			return own, func() {}
		}
		other := config
		other.Port, other.Destinations = port, nil
		for _, to := range fixed {
			other.Destinations = append(other.Destinations, netip.AddrPortFrom(to.Addr(), port))
		}
		return sender(other), func() {}
	}
	return doctor.Doctor{Interfaces: own.Interfaces, Root: fstest.MapFS{}, Getenv: func(string) string { return "" }, RawRefused: own.RawRefused()}, open
}

func (s setup) examine(t *testing.T) doctor.Report {
	t.Helper()
	d, open := s.doctor(t)
	r, err := d.Examine(t.Context(), s.Port, open)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func find(t *testing.T, r doctor.Report, name string) doctor.Examined {
	t.Helper()
	for _, i := range r.Interfaces {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("no interface %q in %+v", name, r.Interfaces)
	return doctor.Examined{}
}

// codes returns what was found, such as "vpn tun0".
func codes(findings []wol.Finding) []string {
	list := []string{}
	for _, f := range findings {
		list = append(list, strings.TrimSpace(f.Code+" "+f.Interface))
	}
	return list
}
