package lantest_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"wolgate/internal/lantest"
)

func TestSnifferSeesDatagrams(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
	everybody := [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, want := range []struct {
		to       string
		size     int // of the payload, cut from a magic packet
		etherDst [6]byte
		src, dst string
		port     uint16
	}{
		{"10.10.0.255:9", 102, everybody, "10.10.0.1", "10.10.0.255", 9},
		{"10.10.0.255:40000", 1, everybody, "10.10.0.1", "10.10.0.255", 40000},
		{"10.10.0.255:7", 0, everybody, "10.10.0.1", "10.10.0.255", 7},
		{allNodes(t, "lana"), 102, [6]byte{0x33, 0x33, 0, 0, 0, 1}, "fe80::1", "ff02::1", 9},
	} {
		before := time.Now()
		send(t, want.to, magic()[:want.size])
		f, ok := l.Next(soon)
		if !ok {
			t.Fatalf("%s: nothing arrived", want.to)
		}
		if f.EtherDst != want.etherDst || f.SrcIP != netip.MustParseAddr(want.src) ||
			f.DstIP != netip.MustParseAddr(want.dst) || f.DstPort != want.port || !bytes.Equal(f.Payload, magic()[:want.size]) {
			t.Errorf("%s: got %+v", want.to, f)
		}
		if !bytes.HasPrefix(f.Raw, want.etherDst[:]) || !bytes.HasSuffix(f.Raw, magic()[:want.size]) || len(f.Raw) != f.Length {
			t.Errorf("%s: got %+v", want.to, f)
		}
		if took := time.Since(before); took >= soon {
			t.Errorf("%s: Next did not return before its time was up", want.to)
		}
		if age := f.Time.Sub(before); age < -time.Millisecond || age > soon {
			t.Errorf("%s: captured %v after it was sent", want.to, age)
		}
	}
	if more := l.Collect(quiet); len(more) > 0 {
		t.Errorf("also captured %+v", more)
	}
}

func TestSnifferCutsOff(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	send(t, "10.10.0.255:9", make([]byte, 1000))
	f, ok := l.Next(soon)
	if !ok || f.Length != 14+20+8+1000 || len(f.Raw) < 400 || len(f.Raw) > 512 || len(f.Payload) != len(f.Raw)-14-20-8 {
		t.Errorf("%v, %d bytes of %d, %d of the payload", ok, len(f.Raw), f.Length, len(f.Payload))
	}
}

func TestSnifferSeesRawFrames(t *testing.T) {
	l := lantest.New(t, "lana")
	sendRaw(t, "lana", magic())
	f, ok := l.Next(soon)
	if !ok || f.EtherType != lantest.EtherTypeWake || f.EtherDst != [6]byte{2, 0x11, 0x22, 0x33, 0x44, 0x55} ||
		f.DstIP.IsValid() || !bytes.Equal(f.Payload, magic()) || len(f.Raw) != 14+len(magic()) {
		t.Errorf("got %+v, %v", f, ok)
	}
}

func TestLANsAreSeparate(t *testing.T) {
	a := lantest.New(t, "lana", "10.10.0.1/24")
	b := lantest.New(t, "lanb", "10.20.0.1/24")
	send(t, "10.20.0.255:9", []byte("to b"))
	send(t, "10.10.0.255:9", []byte("to a"))
	for name, l := range map[string]*lantest.LAN{"to a": a, "to b": b} {
		if got := l.Collect(quiet); len(got) != 1 || string(got[0].Payload) != name {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestFramesComeInOrderAndNoneIsLost(t *testing.T) {
	l := lantest.New(t, "lana", "10.10.0.1/24")
	c, err := net.Dial("udp", "10.10.0.255:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const count = 20000 // More than the ring has slots.
	for i := range uint32(count) {
		if _, err := c.Write(binary.BigEndian.AppendUint32(magic()[:98], i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(count) {
		f, ok := l.Next(soon)
		if !ok || binary.BigEndian.Uint32(f.Payload[98:]) != i {
			t.Fatalf("frame %d: got %+v, %v", i, f, ok)
		}
	}
}
