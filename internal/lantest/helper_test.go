package lantest_test

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"wolgate/internal/lantest"
)

// soon is how long a frame may take; quiet is how long none has to come before
// a test believes that none will.
const (
	soon  = 5 * time.Second
	quiet = 100 * time.Millisecond
)

// send sends b once in a datagram of its own, as any program would.
func send(t *testing.T, to string, b []byte) {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// sendRaw sends b once straight in a frame, to the PC that magic is for.
func sendRaw(t *testing.T, name string, b []byte) {
	t.Helper()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := packet.Listen(ifi, packet.Datagram, lantest.EtherTypeWake, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WriteTo(b, &packet.Addr{HardwareAddr: net.HardwareAddr{2, 0x11, 0x22, 0x33, 0x44, 0x55}}); err != nil {
		t.Fatal(err)
	}
}

// allNodes returns the destination of an IPv6 datagram to everybody on the LAN.
// Its zone is a number; see New.
func allNodes(t *testing.T, name string) string {
	t.Helper()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[ff02::1%%%d]:9", ifi.Index)
}

func magic() []byte {
	return append(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat([]byte{2, 0x11, 0x22, 0x33, 0x44, 0x55}, 16)...)
}

// flags returns an interface's flags as Go's programs see them; those of one
// that is not there are zero.
func flags(name string) net.Flags {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return ifi.Flags
}

// arrives checks that a datagram that is sent to the LAN is captured.
func arrives(t *testing.T, l *lantest.LAN, to string) {
	t.Helper()
	send(t, to, magic())
	if _, ok := l.Next(soon); !ok {
		t.Errorf("what was sent to %s did not arrive", to)
	}
}
