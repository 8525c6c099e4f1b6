package engine

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// Addresses of the hosts around the one that the engine runs on.
const (
	pcAddress       = "10.77.0.9"    // a PC on the LAN
	routerAddress   = "198.51.100.9" // the other end of the line
	internetAddress = "203.0.113.5"  // a host behind it
	hostOnWAN       = "198.51.100.1"
)

// world is a host with an engine, and what is around it:
//
//	PC 10.77.0.9 ---- lan0 10.77.0.1 [ host ] wan0 198.51.100.1 ---- 198.51.100.9, 203.0.113.5
//
// On TCP port 80 everybody out there answers; on port 8899 the host itself does.
type world struct {
	*engine
	lan, wan *witness
	resolver *witness     // of what the resolver of the host is asked
	macs     atomic.Int64 // that have been asked for
}

func newWorld(t *testing.T) *world {
	t.Helper()
	lantest.Require(t)
	wants(t)
	lan := lantest.New(t, "lan0", "10.77.0.1/24")
	lan.FarAddress(pcAddress + "/24")
	lan.FarDefaultRoute()
	wan := lantest.New(t, "wan0", hostOnWAN+"/24")
	wan.FarAddress(routerAddress + "/24")
	wan.FarAddress(internetAddress + "/32")
	wan.FarDefaultRoute()
	wan.DefaultRouteVia(routerAddress)
	answer(t, lan.Beyond, "0.0.0.0:80")
	answer(t, wan.Beyond, "0.0.0.0:80")
	answer(t, func(f func() error) error { return f() }, "[::]:8899")
	w := &world{lan: watch(t, lan), wan: watch(t, wan)}
	w.resolve(t)
	w.engine = newEngine(t)
	return w
}

// answer accepts TCP connections and closes them.
func answer(t *testing.T, in func(func() error) error, address string) {
	t.Helper()
	var l net.Listener
	must(t, in(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
}

// resolve gives the host a resolver on loopback, as systemd-resolved is one, that knows no
// name and remembers what it is asked.
func (w *world) resolve(t *testing.T) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.53:53")
	must(t, err)
	w.resolver = &witness{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			w.resolver.other(string(b[:n]))
			if n > 3 {
				b[2], b[3] = 0x81, 0x83 // an answer: no such name
				_, _ = c.WriteTo(b[:n], from)
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	must(t, os.WriteFile(conf, []byte("nameserver 127.0.0.53\n"), 0o644))
	there, err := filepath.EvalSymlinks("/etc/resolv.conf")
	must(t, err)
	must(t, unix.Mount(conf, there, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(there, unix.MNT_DETACH) })
}

// witness remembers what arrived at the far end of a LAN.
type witness struct {
	*lantest.LAN
	mu     sync.Mutex
	magic  map[string]int // copies by MAC
	others []string       // payloads of everything else
}

func watch(t *testing.T, lan *lantest.LAN) *witness {
	w := &witness{LAN: lan, magic: map[string]int{}}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			default:
			}
			if f, ok := lan.Next(100 * time.Millisecond); ok {
				w.note(f)
			}
		}
	}()
	t.Cleanup(func() { close(end); <-done })
	return w
}

// note takes for a magic packet only the exact 102 bytes.
func (w *witness) note(f lantest.Frame) {
	const sync = "\xff\xff\xff\xff\xff\xff"
	p := string(f.Payload)
	if len(p) != 102 || f.DstPort != 9 || p != sync+strings.Repeat(p[6:12], 16) {
		w.other(p)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.magic[net.HardwareAddr(p[6:12]).String()]++
}

func (w *witness) other(payload string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.others = append(w.others, payload)
}

// copies returns how many packets for a MAC have arrived.
func (w *witness) copies(mac string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.magic[mac]
}

// heard reports whether a datagram with this text in it has arrived.
func (w *witness) heard(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.others {
		if strings.Contains(p, text) {
			return true
		}
	}
	return false
}
