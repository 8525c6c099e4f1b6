package engine

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netns"

	"wolgate/internal/lantest"
)

// probe returns what can be reached from a container's network namespace, by someone who
// has taken over the program in it.
func (w *world) probe(t *testing.T, pid int, nonce string) []string {
	t.Helper()
	there, err := netns.GetFromPid(pid)
	must(t, err)
	defer there.Close()
	var mu sync.Mutex
	var reached []string
	var dials sync.WaitGroup
	tcp := func(what, address string) {
		dials.Go(func() {
			_ = lantest.Within(there, func() error {
				c, err := net.DialTimeout("tcp", address, 2*time.Second)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				reached = append(reached, what)
				return c.Close()
			})
		})
	}
	tcp("LAN by TCP", pcAddress+":80")
	tcp("Internet by TCP", internetAddress+":80")
	tcp("router by TCP", routerAddress+":80")
	for _, address := range w.hostAddresses(t) {
		tcp("host by TCP", address+":8899")
	}
	must(t, lantest.Within(there, func() error {
		udp := func(address, text string) {
			if c, err := net.Dial("udp", address); err == nil {
				_, _ = c.Write([]byte(text))
				_ = c.Close()
			}
		}
		udp(pcAddress+":9", nonce+" unicast to the LAN")
		udp(internetAddress+":9", nonce+" unicast to the Internet")
		udp("255.255.255.255:9", nonce+" limited broadcast")
		udp("10.77.0.255:9", nonce+" directed broadcast")
		for _, resolver := range []string{"127.0.0.11", routerAddress, internetAddress} {
			udp(resolver+":53", question(nonce))
		}
		return nil
	}))
	dials.Wait()
	time.Sleep(time.Second) // for what must not arrive
	for _, text := range []string{"unicast to the LAN", "unicast to the Internet", "limited broadcast", "directed broadcast"} {
		if w.lan.heard(nonce+" "+text) || w.wan.heard(nonce+" "+text) {
			reached = append(reached, text)
		}
	}
	for name, witness := range map[string]*witness{"DNS of the host": w.resolver, "DNS outside": w.wan} {
		if witness.heard(question(nonce)[12:]) { // behind the number, which a resolver changes
			reached = append(reached, name)
		}
	}
	slices.Sort(reached)
	return slices.Compact(reached)
}

// question asks for the address of NONCE.example (RFC 1035, section 4).
func question(nonce string) string {
	return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + string(rune(len(nonce))) + nonce + "\x07example\x00\x00\x01\x00\x01"
}

// hostAddresses returns all that the host has but those of loopback, with the name that an
// interface has inside a container as the zone.
func (w *world) hostAddresses(t *testing.T) []string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	must(t, err)
	var all []string
	for _, a := range addresses {
		ip := a.(*net.IPNet).IP
		switch {
		case ip.IsLoopback():
		case ip.IsLinkLocalUnicast() && ip.To4() == nil:
			all = append(all, "["+ip.String()+"%eth0]")
		case ip.To4() == nil:
			all = append(all, "["+ip.String()+"]")
		default:
			all = append(all, ip.String())
		}
	}
	if len(all) < 3 { // lan0, wan0, a bridge
		t.Fatalf("the host has %v only", all)
	}
	return all
}

// nat is what the comment in compose.yaml says of the plain variant. It is also the proof
// that the probe finds something where something is.
func nat(t *testing.T, w *world) {
	got := w.probe(t, w.inspect(t, w.id(t, "api-server")).State.Pid, "plain")
	want := []string{"DNS of the host", "DNS outside", "Internet by TCP", "LAN by TCP", "host by TCP", "router by TCP", "unicast to the Internet", "unicast to the LAN"}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the plain variant reaches (-want +got):\n%s", diff)
	}
}

// shut checks that a gateway behind a proxy reaches that and nothing else.
func (w *world) shut(t *testing.T, nonce string) {
	t.Helper()
	pid := w.inspect(t, w.id(t, "api-server")).State.Pid
	if got := w.probe(t, pid, nonce); len(got) > 0 {
		t.Errorf("the gateway reaches: %s", strings.Join(got, ", "))
	}
	there, err := netns.GetFromPid(pid)
	must(t, err)
	defer there.Close()
	if err := lantest.Within(there, func() error {
		c, err := net.DialTimeout("tcp", "172.30.83.2:443", 5*time.Second)
		if err != nil {
			return fmt.Errorf("the gateway does not even reach the proxy: %w", err)
		}
		return c.Close()
	}); err != nil {
		t.Error(err)
	}
}
