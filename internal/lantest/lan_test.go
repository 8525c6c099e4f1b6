package lantest_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"wolgate/internal/lantest"
)

// soon is how long a frame may take; quiet is how long none has to come before a test
// believes that none will.
const (
	soon  = 5 * time.Second
	quiet = 100 * time.Millisecond
)

// TestSniffer: what the tests of both programs believe about the wire.
func TestSniffer(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	other := lantest.New(t, "lanb", "10.20.0.1/24")
	ifi, err := net.InterfaceByName("lana")
	if err != nil {
		t.Fatal(err)
	}
	magic := append(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat([]byte{2, 0x11, 0x22, 0x33, 0x44, 0x55}, 16)...)
	everybody := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, want := range []struct {
		to       string
		size     int // of the payload, cut from a magic packet
		etherDst [6]byte
		src, dst string
		port     uint16
	}{
		{"10.10.0.255:9", 102, everybody, "10.10.0.1", "10.10.0.255", 9},
		{"10.10.0.255:7", 0, everybody, "10.10.0.1", "10.10.0.255", 7},
		{fmt.Sprintf("[ff02::1%%%d]:9", ifi.Index), 102, [6]byte{0x33, 0x33, 0, 0, 0, 1}, "fe80::1", "ff02::1", 9},
	} {
		c, err := net.Dial("udp", want.to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(magic[:want.size]); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		f, ok := l.Next(soon)
		if !ok || f.EtherDst != want.etherDst || f.SrcIP != netip.MustParseAddr(want.src) || f.DstIP != netip.MustParseAddr(want.dst) ||
			f.DstPort != want.port || !bytes.Equal(f.Payload, magic[:want.size]) {
			t.Errorf("%s: got %+v, %v", want.to, f, ok)
		}
	}
	c, err := packet.Listen(ifi, packet.Datagram, lantest.EtherTypeWake, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WriteTo(magic, &packet.Addr{HardwareAddr: net.HardwareAddr(magic[6:12])}); err != nil {
		t.Fatal(err)
	}
	f, ok := l.Next(soon)
	if !ok || f.EtherType != lantest.EtherTypeWake || f.EtherDst != [6]byte(magic[6:12]) || !bytes.Equal(f.Payload, magic) {
		t.Errorf("got %+v, %v", f, ok)
	}
	if more := append(l.Collect(quiet), other.Collect(quiet)...); len(more) > 0 {
		t.Errorf("also captured %+v", more)
	}
}

func TestFramesComeInOrderAndNoneIsLost(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	c, err := net.Dial("udp", "10.10.0.255:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const count = 20000 // more than the ring has slots
	for i := range uint32(count) {
		if _, err := c.Write(binary.BigEndian.AppendUint32(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(count) {
		f, ok := l.Next(soon)
		if !ok || binary.BigEndian.Uint32(f.Payload) != i {
			t.Fatalf("frame %d: got %+v, %v", i, f, ok)
		}
	}
}
