package doctor_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/doctor"
	"wolgate/internal/lantest"
	"wolgate/internal/wol"
)

const quiet = 100 * time.Millisecond

func TestHealthyHost(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	l.DefaultRoute()
	s := sender{port: 9, also: []string{"[ff02::1%lana]:9", rawFrame}}
	began := time.Now()
	r := examine(t, doctorOf(s), s)
	if took := time.Since(began); took > 900*time.Millisecond { // a second is what it waits for what does not come
		t.Errorf("it took %v", took)
	}
	lan := find(t, r, "lana")
	want := doctor.Probe{
		Heard: true, Known: true, Method: doctor.PacketSocket,
		Seen:   []string{"255.255.255.255:9", "10.10.0.255:9", "[ff02::1%lana]:9", rawFrame},
		Unseen: []string{}, Detail: "seen leaving the card, to all 4 destinations",
	}
	if diff := cmp.Diff(&want, lan.Probe); diff != "" {
		t.Errorf("probe (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"default via 10.10.0.254", "10.10.0.0/24"}, lan.Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if !r.OK || r.Findings == nil || len(r.Findings) > 0 {
		t.Errorf("ok %v, findings %v", r.OK, r.Findings)
	}
	frames := l.Collect(quiet)
	if len(frames) != 4 {
		t.Errorf("%d frames arrived, want one to each destination", len(frames))
	}
	for _, f := range frames {
		if !strings.HasPrefix(string(f.Payload[6:]), "\x02WOL") {
			t.Errorf("a probe for %x", f.Payload[6:12])
		}
	}
}

// TestEachInterfaceItsOwn has two LANs, and tells the one that hears from the
// one that does not.
func TestEachInterfaceItsOwn(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	lantest.New(t, "lanb", "10.20.0.1/24")
	down := lantest.New(t, "lanc", "10.30.0.1/24")
	down.Down()
	lantest.Firewall(t, egress("lanb", ""))
	s := sender{port: 9}
	r := examine(t, doctorOf(s), s)
	if a, b := find(t, r, "lana").Probe, find(t, r, "lanb").Probe; !a.Heard || b.Heard || !b.Known {
		t.Errorf("lana %+v, lanb %+v", a, b)
	}
	if p := find(t, r, "lanc").Probe; p != nil {
		t.Errorf("lanc, which is down, was sent a probe: %+v", p)
	}
	if diff := cmp.Diff([]string{"down lanc", "firewall lanb"}, codes(r.Findings)); diff != "" || !r.OK {
		t.Errorf("ok %v (-want +got):\n%s", r.OK, diff)
	}
}

// egress drops what leaves by an interface, all of it or what match says.
func egress(iface, match string) string {
	return "table netdev t { chain c { type filter hook egress device " + iface + " priority 0; " + match + " counter drop; }; }\n"
}

// hook drops what passes input or output.
func hook(name, match string) string {
	return "table ip t { chain " + name + " { type filter hook " + name + " priority 0; " + match + " counter drop; }; }\n"
}

func TestFirewall(t *testing.T) {
	for name, tt := range map[string]struct {
		rules   string
		recvErr bool
		heard   bool
		says    string // the finding
	}{
		"output":           {hook("output", "udp dport 9"), false, false, "refused the probe to 255.255.255.255:9, 10.10.0.255:9"},
		"egress":           {egress("lana", ""), false, false, "did not leave"},
		"egress, told":     {egress("lana", ""), true, false, "queue full"},
		"one of two":       {egress("lana", "ip daddr 255.255.255.255"), false, true, "accepted the probe to 255.255.255.255:9, and"},
		"input only":       {hook("input", ""), false, true, ""},
		"others' port":     {egress("lana", "udp dport 7"), false, true, ""},
		"of other outputs": {hook("output", "oifname lo"), false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := lantest.New(t, "lana", "10.10.0.1/24")
			lantest.Firewall(t, tt.rules)
			s := sender{port: 9, recvErr: tt.recvErr}
			r := examine(t, doctorOf(s), s)
			p := find(t, r, "lana").Probe
			if p.Heard != tt.heard || r.OK != tt.heard || !p.Known || p.Method != doctor.PacketSocket {
				t.Errorf("ok %v, probe %+v", r.OK, p)
			}
			if arrived := len(l.Collect(quiet)); arrived != len(p.Seen) {
				t.Errorf("%d frames arrived, and %d were seen to leave", arrived, len(p.Seen))
			}
			if tt.says == "" {
				if len(r.Findings) > 0 {
					t.Errorf("found %v", r.Findings)
				}
				return
			}
			if !slices.Equal(codes(r.Findings), []string{"firewall lana"}) || !strings.Contains(r.Findings[0].Message, tt.says) || !strings.Contains(r.Findings[0].Cure, "tc -s filter show dev lana egress") {
				t.Errorf("found %v", r.Findings)
			}
		})
	}
}

func TestBridge(t *testing.T) {
	l := lantest.New(t, "lana")
	b := lantest.Bridge(t, "br-lan", "10.10.0.1/24")
	b.AddPort(l)
	s := sender{port: 9, only: []string{"br-lan"}}
	r := examine(t, doctorOf(s), s)
	if p := find(t, r, "br-lan").Probe; !r.OK || !p.Heard || p.Detail != "seen leaving by lana, to all 2 destinations" {
		t.Errorf("ok %v, probe %+v", r.OK, p)
	}
	// The bridge takes the packet, and its only port drops it.
	lantest.Firewall(t, egress("lana", ""))
	r = examine(t, doctorOf(s), s)
	if p := find(t, r, "br-lan").Probe; r.OK || p.Heard || !slices.Equal(codes(r.Findings), []string{"firewall br-lan"}) {
		t.Errorf("ok %v, probe %+v, found %v", r.OK, p, r.Findings)
	}
	// Without privileges the bridge gives the packet back, and the port counts none.
	r = unprivileged(t, job{Port: 40009})
	if p := find(t, r, "br-lan").Probe; r.OK || p.Heard || !p.Known || !slices.Equal(codes(r.Findings), []string{"firewall br-lan"}) {
		t.Errorf("without privileges: ok %v, probe %+v, found %v", r.OK, p, r.Findings)
	}
}

func TestWithoutIPv4(t *testing.T) {
	l := lantest.New(t, "lana")
	s := sender{port: 9}
	if r := examine(t, doctorOf(s), s); !r.OK || len(r.Findings) > 0 || len(l.Collect(quiet)) != 1 {
		t.Errorf("%+v", r)
	}
	if r := unprivileged(t, job{Port: 9}); !r.OK || len(r.Findings) > 0 {
		t.Errorf("without privileges: %+v", r)
	}
}

func TestContainer(t *testing.T) {
	l := lantest.New(t, "eth0", "172.17.0.2/24")
	l.DefaultRoute()
	s := sender{port: 9}
	d := in(doctorOf(s), fstest.MapFS{".dockerenv": {}})
	r := examine(t, d, s)
	if !find(t, r, "eth0").Probe.Heard || r.OK || !slices.Equal(codes(r.Findings), []string{"container eth0"}) {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
	// On the host's network the engine's bridge can be seen.
	lantest.Bridge(t, "docker0", "172.18.0.1/24")
	s.only = []string{"eth0"}
	d.Interfaces = s.interfaces
	if r := examine(t, d, s); !r.OK || len(r.Findings) > 0 {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
}

func TestNothingEligible(t *testing.T) {
	lantest.Bridge(t, "br-lan", "10.10.0.1/24").AddPort(lantest.New(t, "lana"))
	lantest.Bridge(t, "docker0", "172.17.0.1/24").AddPort(lantest.New(t, "lanb"))
	s := sender{port: 9, only: []string{"eth7"}}
	d := doctorOf(s)
	r, err := d.Examine(t.Context(), 9, func(uint16) (wol.Waker, func(), error) { return nil, nil, errors.New("a sender for nothing") })
	if err != nil {
		t.Fatal(err)
	}
	if r.OK || !slices.Equal(codes(r.Findings), []string{"no_interface"}) || !strings.Contains(r.Findings[0].Cure, "--interfaces=br-lan if") {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
}

// TestBusyHost sends more of the probe's size than any buffer holds while the
// doctor is about to look.
func TestBusyHost(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	flood, err := net.Dial("udp", "127.0.0.1:40009")
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	s := sender{port: 9}
	open := func(port uint16) (wol.Waker, func(), error) {
		for range 5000 {
			_, _ = flood.Write(make([]byte, 120)) // nobody listens, which is an error now and then
		}
		return s.open(port)
	}
	r, err := doctorOf(s).Examine(t.Context(), 9, open)
	if err != nil {
		t.Fatal(err)
	}
	if p := find(t, r, "lana").Probe; len(p.Seen) != 2 {
		t.Errorf("probe %+v", p)
	}
}

func TestContextEnds(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	lantest.Firewall(t, egress("lana", ""))
	s := sender{port: 9}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := doctorOf(s).Examine(ctx, s.port, s.open)
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 900*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
}

func TestErrorsOfTheSender(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	s := sender{port: 9}
	d := doctorOf(s)
	broken := errors.New("broken")
	if _, err := d.Examine(t.Context(), 9, func(uint16) (wol.Waker, func(), error) { return nil, nil, broken }); !errors.Is(err, broken) {
		t.Errorf("no sender: %v", err)
	}
	r, err := d.Examine(t.Context(), 9, func(uint16) (wol.Waker, func(), error) {
		return wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return nil, broken }), func() {}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := find(t, r, "lana").Probe; r.OK || p.Heard || p.Known || !strings.Contains(p.Detail, "broken") {
		t.Errorf("ok %v, probe %+v", r.OK, p)
	}
	d.Interfaces = func(context.Context) ([]wol.Interface, error) { return nil, broken }
	if _, err := d.Look(t.Context()); !errors.Is(err, broken) {
		t.Errorf("no list: %v", err)
	}
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
