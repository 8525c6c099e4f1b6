package woltest

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen.
const Patience = 10 * time.Second

// Receiver takes UDP datagrams on 127.255.255.255, the directed broadcast of
// loopback: a true broadcast that needs no privilege and leaves no machine.
type Receiver struct {
	conn    *net.UDPConn
	packets chan []byte
}

// Listen opens a receiver on a free port until the test ends. It reads all the
// time, because the kernel's buffer (net.core.rmem_max, socket(7)) may hold no
// more than some 250 datagrams; a burst of more belongs on a lantest.LAN.
func Listen(t testing.TB) *Receiver {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadBuffer(4 << 20) // the kernel gives what it allows
	r := &Receiver{conn: conn, packets: make(chan []byte, 1<<18)}
	go r.read()
	return r
}

// read drops what does not fit: a load that no test looks at.
func (r *Receiver) read() {
	for buffer := make([]byte, 2048); ; {
		n, err := r.conn.Read(buffer)
		if err != nil {
			return
		}
		select {
		case r.packets <- bytes.Clone(buffer[:n]):
		default:
		}
	}
}

// Addr is the destination that reaches the receiver.
func (r *Receiver) Addr() netip.AddrPort {
	return r.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Next returns the next datagram, or fails the test when none comes.
func (r *Receiver) Next(t testing.TB) []byte {
	t.Helper()
	packet, ok := r.Wait(Patience)
	if !ok {
		t.Fatalf("no packet within %v", Patience)
	}
	return packet
}

// Wait returns the next datagram if one comes in time.
func (r *Receiver) Wait(patience time.Duration) ([]byte, bool) {
	select {
	case packet := <-r.packets:
		return packet, true
	case <-time.After(patience):
		return nil, false
	}
}

// Nothing fails the test if a datagram has arrived that was not taken. It sends
// one of its own behind what is there, so that it need not wait to be sure.
func (r *Receiver) Nothing(t testing.TB) {
	t.Helper()
	marker := []byte("nothing before this")
	conn, err := net.DialUDP("udp4", nil, r.conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(marker); err != nil {
		t.Fatal(err)
	}
	if got := r.Next(t); !bytes.Equal(got, marker) {
		t.Errorf("a packet of %d bytes was sent that should not have been: %x", len(got), got)
		for !bytes.Equal(got, marker) {
			got = r.Next(t)
		}
	}
}
