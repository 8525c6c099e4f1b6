package e2e

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// The tests of delivery run wol-server as users do who trust nothing: a program of
// its own, as another user, without any capability and with no way to get one. What
// they compare is what its receipts say and what the sniffers on the LANs saw.

// lone is a wol-server without a gateway.
type lone struct {
	*process
	*wolhttp.Client
}

// startPowerless starts a wol-server that has no privilege whatever.
func startPowerless(t *testing.T, bin string, flags ...string) lone {
	t.Helper()
	ownNetwork(t, flags)
	dir := lantest.SharedDir(t)
	socket := filepath.Join(dir, "s")
	cmd := lantest.Unprivileged(t, filepath.Join(bin, "wol-server"), append([]string{"--socket", socket}, flags...)...)
	return lone{startCommand(t, cmd), dial(t, socket)}.ready(t)
}

// startRoot starts one that has every capability in the tests' own namespace.
func startRoot(t *testing.T, flags ...string) lone {
	t.Helper()
	ownNetwork(t, flags)
	socket := woltest.SocketPath(t)
	p := spawn(t, filepath.Join(woltest.Build(t), "wol-server"), append([]string{"--socket", socket}, flags...)...)
	return lone{p, dial(t, socket)}.ready(t)
}

func (l lone) ready(t *testing.T) lone {
	t.Helper()
	l.log.wait(t, "msg", "listening")
	return l
}

func dial(t *testing.T, socket string) *wolhttp.Client {
	c := wolhttp.NewClient(unixsock.Dialer(socket), woltest.Patience)
	t.Cleanup(c.Close)
	return c
}

// wake asks for targets, which must succeed.
func (l lone) wake(t *testing.T, targets ...wol.Target) []wol.Receipt {
	t.Helper()
	receipts, err := l.Wake(t.Context(), wol.Request{ID: wol.NewRequestID(), Targets: targets})
	if err != nil {
		t.Fatalf("%v; log:\n%s", err, l.log)
	}
	return receipts
}

// tally counts packets: by LAN, destination and target.
type tally map[string]int

// lans are the LANs by the names of their near ends; one may have several.
type lans map[string]*lantest.LAN

func (l lans) each() iter.Seq[*lantest.LAN] {
	distinct := map[*lantest.LAN]bool{}
	for _, lan := range l {
		distinct[lan] = true
	}
	return maps.Keys(distinct)
}

// promised counts what the receipts for targets say, in so many copies.
func promised(t *testing.T, lans lans, receipts []wol.Receipt, targets []wol.Target, copies int) tally {
	t.Helper()
	want := tally{}
	seen := map[wol.Target]bool{}
	for i, r := range receipts {
		if seen[targets[i]] {
			continue // it is sent once
		}
		seen[targets[i]] = true
		for _, d := range r.Sent {
			if lans[d.Interface] == nil {
				t.Fatalf("receipt names the interface %q", d.Interface)
			}
			if packet := woltest.Packet(t, targets[i]); d.Bytes != len(packet) {
				t.Errorf("receipt says %d bytes, want %d", d.Bytes, len(packet))
			}
			to := d.Destination
			if address, err := netip.ParseAddrPort(to); err == nil {
				to = netip.AddrPortFrom(address.Addr().WithZone(""), address.Port()).String()
			}
			want[entry(lans[d.Interface], to, targets[i])] += copies
		}
	}
	return want
}

func entry(lan *lantest.LAN, to string, target wol.Target) string {
	return fmt.Sprintf("%p %s %s %x", lan, to, target.MAC, target.SecureOn.Bytes())
}

// captured counts what arrived on the LANs: it waits for as many packets as want
// holds and then for silence. Whatever is no packet for one of the targets counts as
// one for nobody.
func captured(t *testing.T, lans lans, targets []wol.Target, want tally) (seen tally, frames []lantest.Frame) {
	t.Helper()
	seen = tally{}
	known := map[string]wol.Target{}
	for _, target := range targets {
		known[string(woltest.Packet(t, target))] = target
	}
	due := map[string]int{} // by LAN
	for what, n := range want {
		lan, _, _ := strings.Cut(what, " ")
		due[lan] += n
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	for lan := range lans.each() {
		all.Go(func() {
			var here []lantest.Frame
			for range due[fmt.Sprintf("%p", lan)] {
				f, ok := lan.Next(woltest.Patience)
				if !ok {
					break
				}
				here = append(here, f)
			}
			here = append(here, lan.Collect(quietLAN)...)
			mu.Lock()
			defer mu.Unlock()
			frames = append(frames, here...)
			for _, f := range here {
				seen[entry(lan, wire(t, f), known[string(f.Payload)])]++
			}
		})
	}
	all.Wait()
	return seen, frames
}

// wire writes a frame's destination as receipts do, and looks whether the card was
// addressed accordingly.
func wire(t *testing.T, f lantest.Frame) string {
	t.Helper()
	station := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	to := netip.AddrPortFrom(f.DstIP, f.DstPort).String()
	switch f.EtherType {
	case lantest.EtherTypeWake:
		to = "ff:ff:ff:ff:ff:ff/0x0842"
	case lantest.EtherTypeIPv6:
		station = [6]byte{0x33, 0x33, 0, 0, 0, 1} // RFC 2464 section 7
	}
	if f.EtherDst != station {
		t.Errorf("a packet to %s was sent to the station %x", to, f.EtherDst)
	}
	return to
}

// compare fails the test unless the sniffers saw what the receipts say.
func compare(t *testing.T, lans lans, receipts []wol.Receipt, targets []wol.Target, copies int) []lantest.Frame {
	t.Helper()
	want := promised(t, lans, receipts, targets, copies)
	got, frames := captured(t, lans, targets, want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packets (-receipts +sniffers):\n%s", diff)
	}
	return frames
}

// passwords are the three lengths that a SecureOn password has.
func passwords(t *testing.T) []wol.SecureOn {
	t.Helper()
	var all []wol.SecureOn
	for _, text := range []string{"", "c0a80107", "c0a80107aabb"} {
		var p wol.SecureOn
		if text != "" {
			var err error
			if p, err = wol.ParseSecureOn(text); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, p)
	}
	return all
}

func numbered(first, n int) []wol.Target {
	targets := make([]wol.Target, n)
	for i := range targets {
		targets[i].MAC = woltest.MAC(first + i)
	}
	return targets
}

func TestTheSniffersSeeWhatTheReceiptSays(t *testing.T) {
	lantest.Require(t)
	bin := woltest.Build(t)
	several := func(n int) (nics [][]string) {
		for i := range n {
			nics = append(nics, []string{fmt.Sprintf("10.61.%d.1/24", i)})
		}
		return nics
	}
	for _, tt := range []struct {
		name string
		nics [][]string // their prefixes
		ipv4 int        // destinations of one target
		ipv6 int        // at least: the kernel adds addresses of its own
	}{
		{"one", several(1), 2, 0},
		{"two", several(2), 4, 0},
		{"eight", several(8), 16, 0},
		{"no IPv4 address", [][]string{{}}, 1, 0},
		{"no IPv4 address beside another", [][]string{{}, {"10.61.0.1/24"}}, 3, 0},
		{"31 bits", [][]string{{"10.61.0.0/31"}}, 1, 0},
		{"32 bits", [][]string{{"10.61.0.1/32"}}, 1, 0},
		{"two prefixes", [][]string{{"10.61.0.1/24", "10.62.0.1/16"}}, 3, 0},
		{"two addresses in a prefix", [][]string{{"10.61.0.1/24", "10.61.0.2/24"}}, 2, 0},
		{"one prefix on two", [][]string{{"10.61.0.1/24"}, {"10.61.0.2/24"}}, 4, 0},
		{"IPv6 alone", [][]string{{"fe80::1/64"}}, 1, 1},
		{"IPv6 beside IPv4", [][]string{{"fe80::1/64", "10.61.0.1/24"}, {"10.62.0.1/24"}}, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lans := lans{}
			for i, prefixes := range tt.nics {
				name := fmt.Sprintf("lan%d", i)
				lans[name] = lantest.New(t, name, prefixes...)
			}
			const copies = 3
			d := startPowerless(t, bin, "--repeat", "3", "--repeat-interval", "20ms", "--ipv6", "--max-pps", "1000000")
			var targets []wol.Target
			var receipts []wol.Receipt
			for n, password := range passwords(t) {
				targets = append(targets, wol.Target{MAC: woltest.MAC(n + 1), SecureOn: password})
				got := d.wake(t, targets[n])[0]
				receipts = append(receipts, got)
				ipv6 := 0
				for _, sent := range got.Sent {
					if strings.HasPrefix(sent.Destination, "[ff02::1%") {
						ipv6++
					}
				}
				if got.Status != wol.Sent || len(got.Sent)-ipv6 != tt.ipv4 || ipv6 < tt.ipv6 || len(got.Failed) > 0 {
					t.Errorf("receipt %+v, want %d destinations of IPv4 and %d of IPv6", got, tt.ipv4, tt.ipv6)
				}
			}
			many := numbered(10, 130)
			many = append(many, many[0], many[7]) // sent once, answered twice
			targets, receipts = append(targets, many...), append(receipts, d.wake(t, many...)...)
			compare(t, lans, receipts, targets, copies)
		})
	}
}

// underLoad wakes one new target after the other while change works on the
// interfaces, and then compares every receipt with what the sniffers saw.
func underLoad(t *testing.T, d lone, lans lans, change func(more func())) {
	t.Helper()
	type answer struct {
		target   wol.Target
		receipts []wol.Receipt
		err      error
	}
	answers := make(chan answer)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	var next sync.Mutex
	n := 0
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				next.Lock()
				n++
				target := wol.Target{MAC: woltest.MAC(n)}
				next.Unlock()
				receipts, err := d.Wake(context.Background(), wol.Request{ID: wol.NewRequestID(), Targets: []wol.Target{target}})
				answers <- answer{target, receipts, err}
			}
		})
	}
	go func() { clients.Wait(); close(answers) }()

	var targets []wol.Target
	var receipts []wol.Receipt
	take := func(a answer) {
		if a.err != nil {
			t.Errorf("wake %d: %v", len(targets), a.err)
			return
		}
		targets, receipts = append(targets, a.target), append(receipts, a.receipts...)
	}
	change(func() { // some more wakes before the next change
		for range 10 {
			take(<-answers)
		}
	})
	stop()
	for a := range answers {
		take(a)
	}
	partial := 0
	for _, r := range receipts {
		if r.Status == wol.Partial {
			partial++
		}
	}
	t.Logf("%d wakes, %d of them in part", len(receipts), partial)
	compare(t, lans, receipts, targets, 1)
}

func TestAddressesChangeUnderLoad(t *testing.T) {
	lantest.Require(t)
	changing := lantest.New(t, "lan0", "10.62.0.1/24")
	lans := lans{"lan0": changing, "lan1": lantest.New(t, "lan1", "10.63.0.1/24")}
	d := startPowerless(t, woltest.Build(t), "--repeat", "1", "--max-pps", "1000000")
	underLoad(t, d, lans, func(more func()) {
		old := "10.62.0.1/24"
		for i := range 50 {
			fresh := fmt.Sprintf("10.64.%d.1/24", i)
			changing.AddAddress(fresh)
			more()
			changing.DelAddress(old)
			more()
			old = fresh
		}
	})
}

func TestAnInterfaceIsRenamedUnderLoad(t *testing.T) {
	lantest.Require(t)
	renamed := lantest.New(t, "lan0", "10.62.0.1/24")
	lans := lans{"lan0": renamed, "lan2": renamed, "lan1": lantest.New(t, "lan1", "10.63.0.1/24")}
	d := startPowerless(t, woltest.Build(t), "--repeat", "1", "--max-pps", "1000000")
	underLoad(t, d, lans, func(more func()) {
		for range 25 {
			renamed.Rename("lan2")
			more()
			renamed.Rename("lan0")
			more()
		}
	})
	names := func() (all []string) {
		for _, sent := range d.wake(t, wol.Target{MAC: woltest.MAC(1)})[0].Sent {
			all = append(all, sent.Interface)
		}
		return slices.Compact(all)
	}
	renamed.Rename("lan2")
	within(t, time.Second, func() bool { return slices.Equal(names(), []string{"lan2", "lan1"}) })
}

// within fails the test unless a condition comes true in time.
func within(t *testing.T, limit time.Duration, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); {
		if time.Since(began) > limit {
			t.Fatalf("not within %v", limit)
		}
	}
}

// TestInterfacesAreUsedRightlyWithinASecond changes an interface in every way and
// asks what the receipts say next.
func TestInterfacesAreUsedRightlyWithinASecond(t *testing.T) {
	lantest.Require(t)
	d := startPowerless(t, woltest.Build(t), "--repeat", "1", "--max-pps", "1000000")
	outcome := func() string {
		receipts, err := d.Wake(t.Context(), wol.Request{ID: wol.NewRequestID(), Targets: numbered(1, 1)})
		if err != nil {
			return string(wol.KindOf(err))
		}
		var parts []string
		for _, s := range receipts[0].Sent {
			parts = append(parts, s.Interface+" "+s.Destination)
		}
		for _, f := range receipts[0].Failed {
			parts = append(parts, f.Interface+" "+f.Error)
		}
		return strings.Join(slices.Compact(parts), ", ")
	}
	becomes := func(want string) {
		t.Helper()
		began := time.Now()
		for got := outcome(); got != want; got = outcome() {
			if time.Since(began) > time.Second {
				t.Fatalf("after a second still %q, want %q", got, want)
			}
		}
		t.Logf("after %v: %s", time.Since(began).Round(time.Microsecond), want)
	}
	becomes("unavailable") // the host has booted before its network
	lan := lantest.New(t, "lan0")
	becomes("lan0 255.255.255.255:9")
	lan.AddAddress("10.65.0.1/24")
	becomes("lan0 255.255.255.255:9, lan0 10.65.0.255:9")
	other := lantest.New(t, "lan1", "10.66.0.1/24")
	becomes("lan0 255.255.255.255:9, lan0 10.65.0.255:9, lan1 255.255.255.255:9, lan1 10.66.0.255:9")
	lan.Down()
	becomes("lan1 255.255.255.255:9, lan1 10.66.0.255:9, lan0 network is down")
	lan.Up()
	lan.CarrierOff()
	becomes("lan1 255.255.255.255:9, lan1 10.66.0.255:9, lan0 no carrier")
	lan.CarrierOn()
	becomes("lan0 255.255.255.255:9, lan0 10.65.0.255:9, lan1 255.255.255.255:9, lan1 10.66.0.255:9")
	other.Delete()
	becomes("lan0 255.255.255.255:9, lan0 10.65.0.255:9")
	lan.DelAddress("10.65.0.1/24")
	becomes("lan0 255.255.255.255:9")
	lan.Delete()
	becomes("unavailable")
	// Another card under the old name has another index.
	lan = lantest.New(t, "lan0", "10.65.0.1/24")
	becomes("lan0 255.255.255.255:9, lan0 10.65.0.255:9")
	if _, ok := lan.Next(woltest.Patience); !ok {
		t.Error("no packet by the new card")
	}
}

// TestTwelveThousandPackets sends the largest call there is through the default
// budget: everything leaves, once a copy, and no faster than the budget allows.
func TestTwelveThousandPackets(t *testing.T) {
	lantest.Require(t)
	const budget, copies = 2000, 3
	lans := lans{"lan0": lantest.New(t, "lan0", "10.67.0.1/24"), "lan1": lantest.New(t, "lan1", "10.68.0.1/24")}
	d := startPowerless(t, woltest.Build(t))
	targets := numbered(1, wol.MaxTargets)
	began := time.Now()
	receipts := d.wake(t, targets...)
	answered := time.Since(began)
	for i, r := range receipts {
		if r.Status != wol.Sent || r.MAC != targets[i].MAC {
			t.Fatalf("receipt %d: %+v", i, r)
		}
	}
	frames := compare(t, lans, receipts, targets, copies)
	if len(frames) != 12_000 {
		t.Errorf("%d packets, want 12000", len(frames))
	}
	slices.SortFunc(frames, func(a, b lantest.Frame) int { return a.Time.Compare(b.Time) })
	// A token bucket that holds a second's worth. The kernel's time of a packet is
	// some time after it was paid for: what is paid for in one go, a portion of the
	// call or a copy of one, a tenth of a second's worth, may come that much later.
	tokens, last := float64(budget), frames[0].Time
	for i, f := range frames {
		tokens = min(budget, tokens+f.Time.Sub(last).Seconds()*budget) - 1
		last = f.Time
		if tokens < -2*budget/10 {
			t.Fatalf("packet %d leaves %v after the first: faster than %d a second", i+1, f.Time.Sub(frames[0].Time), budget)
		}
	}
	t.Logf("answered after %v, all out after %v", answered.Round(time.Millisecond), last.Sub(frames[0].Time).Round(time.Millisecond))
}
