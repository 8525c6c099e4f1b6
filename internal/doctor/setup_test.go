package doctor_test

import (
	"log/slog"
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
	Except    bool // leaves out what the daemon leaves out by default
}

// doctor returns the doctor of a host of metal, in no container, and the daemon's own
// sender.
func (s setup) doctor(t *testing.T) (doctor.Doctor, *broadcast.Sender) {
	t.Helper()
	fixed, err := broadcast.ParseDestinations(s.Fixed, s.Port)
	if err != nil {
		t.Fatal(err)
	}
	config := broadcast.Config{Port: s.Port, Selection: broadcast.Selection{Only: s.Only}, Destinations: fixed, IPv6: s.IPv6, Raw: s.Raw, Repeat: 1}
	if s.Except {
		var err error
		if config.Selection.Except, err = broadcast.ParseNames(broadcast.DefaultExcept); err != nil {
			t.Fatal(err)
		}
	}
	sender := broadcast.New(config, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = sender.Close(0) })
	return doctor.Doctor{Interfaces: sender.Interfaces, Root: fstest.MapFS{}, Getenv: func(string) string { return "" }, RawRefused: sender.RawRefused()}, sender
}

func (s setup) examine(t *testing.T) doctor.Report {
	t.Helper()
	d, sender := s.doctor(t)
	r, err := d.Examine(t.Context(), s.Port, sender)
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
