//go:build soak

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// fixedAddress returns an address for a server that is started again and again. Its port
// lies below those that the kernel gives to connections (ip_local_port_range in ip(7)),
// one of which could otherwise take it while the server is away.
func fixedAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = listener.Close()
		return address
	}
	t.Fatal("no port is free")
	return ""
}

// outage is the time in which a program was not there.
type outage struct {
	victim       string
	killed, back time.Time
}

// explains reports whether a wake may have failed because of it. After a program is back,
// connections to the one before may be taken for good ones a moment longer.
func (g outage) explains(o outcome) bool {
	const moment = 250 * time.Millisecond
	return o.begun.Before(g.back.Add(moment)) && o.ended.After(g.killed)
}

// identity is what tells one file from another that was made in its place.
func identity(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	inode := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("device %d, inode %d, %v, changed %d.%09d", inode.Dev, inode.Ino, info.Mode(), inode.Ctim.Sec, inode.Ctim.Nsec)
}

// TestSoakKills kills one program or the other, a hundred times, while wakes go on. None
// is answered 200 whose packet has not left, none fails for another reason than the kill,
// and both are back in time.
func TestSoakKills(t *testing.T) {
	const kills, perSecond = 100, 200
	const backIn = 2 * time.Second
	r := woltest.Listen(t)
	address := fixedAddress(t)
	p := startPrograms(t, loopback(r), "--listen", address)
	steady := p.caller
	packets := watch(t, r)
	outcomes, stop := make(chan []outcome), make(chan struct{})
	go func() { outcomes <- steady.wakeSteadily(stop, perSecond, 1) }()

	victims := make([]string, kills)
	for n := range victims {
		victims[n] = []string{"daemon", "gateway"}[n%2]
	}
	rand.Shuffle(kills, func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	var outages []outage
	var slowest time.Duration
	for _, victim := range victims {
		p.daemon.log.mute(true)
		p.gateway.log.mute(true)
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond) // at any moment of the load
		g := outage{victim: victim, killed: time.Now()}
		if victim == "daemon" {
			p.daemon.signal(syscall.SIGKILL)
			p.daemon.exit(t)
			p.startDaemon(t)
		} else {
			before := identity(t, p.socket)
			p.gateway.signal(syscall.SIGKILL)
			p.gateway.exit(t)
			p.startGateway(t, "--listen", address)
			if after := identity(t, p.socket); after != before {
				t.Errorf("the socket was %s, and after a kill of the gateway it is %s", before, after)
			}
		}
		g.back = time.Now()
		for {
			if a, err := steady.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, ""); err == nil && a.status == http.StatusOK {
				break
			}
			if time.Since(g.back) > backIn {
				t.Fatalf("no wake is answered 200 %v after the %s was started again", backIn, victim)
			}
			time.Sleep(time.Millisecond) // between two tries
		}
		slowest = max(slowest, time.Since(g.back))
		outages = append(outages, g)
	}
	close(stop)
	all := <-outcomes
	arrived := map[string]bool{}
	for _, a := range packets() {
		arrived[a.target.String()] = true
	}

	statuses, lost, unexplained := map[int]int{}, 0, 0
	for _, o := range all {
		statuses[o.status]++
		if o.status == http.StatusOK {
			if !arrived[o.target.String()] {
				lost++
				t.Errorf("answered 200, and no packet left: %v", o)
			}
			continue
		}
		if reason := unexpected(o, outages); reason != "" {
			if unexplained++; unexplained <= 10 {
				t.Errorf("%s: %v", reason, o)
			}
		}
	}
	t.Logf("%d kills under %d wakes, by status (0 is a broken connection) %v; %d packets; the slowest return took %v", kills, len(all), statuses, len(arrived), slowest.Round(time.Millisecond))
	t.Logf("%d of %d answers 200 without a packet, %d failures for no reason", lost, statuses[http.StatusOK], unexplained)
	if statuses[http.StatusOK] < len(all)/2 {
		t.Errorf("only %d of %d wakes were answered 200", statuses[http.StatusOK], len(all))
	}
}

// unexpected says what is wrong with a wake that was not answered 200, or nothing.
func unexpected(o outcome, outages []outage) string {
	victim := "daemon"
	switch o.status {
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
	case 0:
		if timeout, ok := errors.AsType[net.Error](o.err); ok && timeout.Timeout() {
			return "no answer in time"
		}
		victim = "gateway"
	default:
		return "a status that no kill explains"
	}
	for _, g := range outages {
		if g.victim == victim && g.explains(o) {
			return ""
		}
	}
	return "failed, and the " + victim + " was there"
}
