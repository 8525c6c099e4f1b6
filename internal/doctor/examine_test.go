package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/broadcast"
	"wolgate/internal/doctor"
	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/wol"
)

const quiet = 100 * time.Millisecond

// TestManyInterfaces has more probes than a socket has room for.
func TestManyInterfaces(t *testing.T) {
	lantest.Require(t)
	for i := range 150 {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("lan%d", i)}, PeerName: fmt.Sprintf("far%d", i)}
		if err := netlink.LinkAdd(pair); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = netlink.LinkDel(pair) })
		for _, name := range []string{pair.Name, pair.PeerName} {
			link, err := netlink.LinkByName(name)
			if err == nil {
				err = netlink.LinkSetUp(link)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	report := setup{Port: 9, Only: broadcast.Names{"lan*"}}.examine(t)
	if !report.OK || len(report.Findings) > 0 {
		t.Errorf("ok %v, findings %v", report.OK, report.Findings)
	}
}

func TestHealthyHost(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	l.DefaultRoute()
	began := time.Now()
	r := setup{Port: 9, IPv6: true, Raw: true}.examine(t)
	if took := time.Since(began); took > 900*time.Millisecond { // a second is what it waits for what does not come
		t.Errorf("it took %v", took)
	}
	lan := find(t, r, "lana")
	want := doctor.ProbeResult{
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
	r := setup{Port: 9}.examine(t)
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
		rules string
		heard bool
		says  string // the finding
	}{
		"output":           {hook("output", "udp dport 9"), false, "refused the probe to 255.255.255.255:9, 10.10.0.255:9"},
		"egress":           {egress("lana", ""), false, "the probe to 255.255.255.255:9, 10.10.0.255:9 found the queue full"},
		"one of two":       {egress("lana", "ip daddr 255.255.255.255"), true, "the probe to 255.255.255.255:9 found the queue full"},
		"input only":       {hook("input", ""), true, ""},
		"others' port":     {egress("lana", "udp dport 7"), true, ""},
		"of other outputs": {hook("output", "oifname lo"), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := lantest.New(t, "lana", "10.10.0.1/24")
			lantest.Firewall(t, tt.rules)
			r := setup{Port: 9}.examine(t)
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

// TestIPsec has the policy of a VPN for all traffic, whose other end does not answer.
func TestIPsec(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	_, everything, _ := net.ParseCIDR("0.0.0.0/0")
	policy := &netlink.XfrmPolicy{Src: everything, Dst: everything, Dir: netlink.XFRM_DIR_OUT, Tmpls: []netlink.XfrmPolicyTmpl{
		{Src: net.IPv4(10, 10, 0, 1), Dst: net.IPv4(10, 10, 0, 2), Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL},
	}}
	if err := netlink.XfrmPolicyAdd(policy); err != nil {
		skip.Because(t, "no IPsec policies: "+err.Error())
	}
	t.Cleanup(func() { _ = netlink.XfrmPolicyDel(policy) })
	r := setup{Port: 9}.examine(t)
	if p := find(t, r, "lana").Probe; r.OK || p.Heard || !p.Known {
		t.Errorf("ok %v, probe %+v", r.OK, p)
	}
	if !slices.Equal(codes(r.Findings), []string{"ipsec lana"}) || !strings.Contains(r.Findings[0].Message, "10.10.0.255:9") {
		t.Errorf("found %+v", r.Findings)
	}
	if frames := l.Collect(quiet); len(frames) > 0 {
		t.Errorf("%d frames arrived", len(frames))
	}
}

func TestWithoutIPv4(t *testing.T) {
	l := lantest.New(t, "lana")
	if r := (setup{Port: 9}).examine(t); !r.OK || len(r.Findings) > 0 || len(l.Collect(quiet)) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestContainer(t *testing.T) {
	l := lantest.New(t, "eth0", "172.17.0.2/24")
	l.DefaultRoute()
	examine := func() doctor.Report {
		d, sender := setup{Port: 9, Only: broadcast.Names{"eth0"}}.doctor(t)
		d.Root = fstest.MapFS{".dockerenv": {}}
		r, err := d.Examine(t.Context(), 9, sender)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := examine(); !find(t, r, "eth0").Probe.Heard || r.OK || !slices.Equal(codes(r.Findings), []string{"container eth0"}) {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
	// On the host's network the engine's bridge can be seen.
	lantest.Bridge(t, "docker0", "172.18.0.1/24")
	if r := examine(); !r.OK || len(r.Findings) > 0 {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
}

func TestNothingEligible(t *testing.T) {
	lantest.Bridge(t, "br-lan", "10.10.0.1/24").AddPort(lantest.New(t, "lana"))
	lantest.Bridge(t, "docker0", "172.17.0.1/24").AddPort(lantest.New(t, "lanb"))
	d, _ := setup{Port: 9, Only: broadcast.Names{"eth*"}}.doctor(t)
	r, err := d.Examine(t.Context(), 9, wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) {
		t.Error("sent a probe by nothing")
		return nil, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if r.OK || !slices.Equal(codes(r.Findings), []string{"no_interface"}) || !strings.Contains(r.Findings[0].Cure, "--interfaces=br-lan if") {
		t.Errorf("ok %v, found %v", r.OK, r.Findings)
	}
}

// TestHostsThatCannotSend has what the kernel itself says of interfaces that send
// nothing, or not all.
func TestHostsThatCannotSend(t *testing.T) {
	lan := func(t *testing.T) *lantest.LAN { return lantest.New(t, "lan0", "10.80.0.1/24") }
	for name, tt := range map[string]struct {
		build func(t *testing.T)
		codes []string
	}{
		"no network":        {func(*testing.T) {}, []string{"no_interface"}},
		"nothing but a VPN": {func(t *testing.T) { lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRoute() }, []string{"no_interface", "vpn tun0"}},
		"no carrier":        {func(t *testing.T) { lan(t).CarrierOff() }, []string{"no_interface", "no_carrier lan0"}},
		"down":              {func(t *testing.T) { lan(t).Down() }, []string{"no_interface", "down lan0"}},
		"one of two": {func(t *testing.T) {
			lan(t)
			lantest.New(t, "lan1", "10.81.0.1/24").CarrierOff()
		}, []string{"no_carrier lan1"}},
		"bridge without ports": {func(t *testing.T) { lantest.Bridge(t, "lanbr0", "10.80.0.1/24") }, []string{"no_interface", "bridge_without_ports lanbr0"}},
		"bridge that lost its port": {func(t *testing.T) {
			l, b := lantest.New(t, "lan0"), lantest.Bridge(t, "lanbr0", "10.80.0.1/24")
			b.AddPort(l)
			b.RemovePort(l)
		}, []string{"no_carrier lanbr0"}},
		"no cable, and what engines made": {func(t *testing.T) {
			lan(t).CarrierOff()
			lantest.Bridge(t, "newengine0", "172.30.32.1/23").AddPort(lantest.New(t, "veth1234"))
			overlay := &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "newoverlay0", Flags: net.FlagUp}, VxlanId: 1, Port: 4789}
			if err := netlink.LinkAdd(overlay); err != nil {
				skip.Because(t, "no vxlan: "+err.Error())
			}
			t.Cleanup(func() { _ = netlink.LinkDel(overlay) })
		}, []string{"no_interface", "no_carrier lan0"}},
		"what others may have": {func(t *testing.T) {
			lan(t).DefaultRoute()
			lantest.New(t, "unused0").CarrierOff()
			lantest.Bridge(t, "docker0", "172.17.0.1/16")
			lantest.Tunnel(t, "tun0", "10.8.0.2/24")
		}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			lantest.Require(t)
			tt.build(t)
			d, _ := setup{Port: 9, Except: true}.doctor(t)
			look, err := d.Look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.codes, codes(look.Findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
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
	d, sender := setup{Port: 9}.doctor(t)
	r, err := d.Examine(t.Context(), 9, wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		for range 5000 {
			_, _ = flood.Write(make([]byte, 120)) // nobody listens, which is an error now and then
		}
		return sender.Wake(ctx, req)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if p := find(t, r, "lana").Probe; len(p.Seen) != 2 {
		t.Errorf("probe %+v", p)
	}
}

func TestContextEnds(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	d, sender := setup{Port: 9, Fixed: "10.10.0.7"}.doctor(t) // nobody answers ARP, and it is waited for
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := d.Examine(ctx, 9, sender)
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 900*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
}

func TestErrorsOfTheSender(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	d, _ := setup{Port: 9}.doctor(t)
	broken := errors.New("broken")
	r, err := d.Examine(t.Context(), 9, wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return nil, broken }))
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

// TestKernelThatDoesNotTell has no descriptor left for a netlink socket.
func TestKernelThatDoesNotTell(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	everywhere, _ := setup{Port: 9}.doctor(t)
	fixed, _ := setup{Port: 9, Fixed: "10.10.0.255"}.doctor(t)
	known, err := everywhere.Interfaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	everywhere.Interfaces = func(context.Context) ([]wol.Interface, error) { return known, nil }
	if _, err := fixed.Interfaces(t.Context()); err != nil { // and so it has its socket
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, failed := everywhere.Look(t.Context())
	look, err := fixed.Look(t.Context())
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*wol.Error](failed); !ok || e.Kind != wol.Unavailable || e.Message != "the network interfaces of this host cannot be read: see the log of wol-server" || !errors.Is(failed, unix.EMFILE) {
		t.Errorf("%v", failed)
	}
	if err != nil || len(look.Findings) > 0 || len(look.Interfaces) != 1 {
		t.Errorf("with --destinations: %v, %+v", err, look)
	}
}
