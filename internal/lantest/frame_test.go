package lantest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

func ethernet(etherType uint16, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, etherType)
	return append(b, payload...)
}

func udp(length uint16, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x12, 0x34, 0, 9}, length)
	return append(append(b, 0, 0), payload...)
}

// ipv4 returns a packet with this many bytes of options.
func ipv4(protocol byte, fragment uint16, options int, payload ...byte) []byte {
	b := make([]byte, 20+options)
	b[0], b[9] = 0x40|byte(5+options/4), protocol
	binary.BigEndian.PutUint16(b[6:], fragment)
	copy(b[12:], []byte{10, 0, 0, 1, 10, 0, 0, 255})
	return append(b, payload...)
}

func ipv6(next byte, payload ...byte) []byte {
	b := make([]byte, 40)
	b[0], b[6], b[8], b[24] = 0x60, next, 0xfe, 0xff
	return append(b, payload...)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in      []byte
		want    bool
		dst     string
		payload string
	}{
		"raw":            {ethernet(0x0842, 'h', 'i'), true, "", "hi"},
		"IPv4":           {ethernet(0x0800, ipv4(17, 0, 0, udp(10, 'h', 'i')...)...), true, "10.0.0.255", "hi"},
		"options":        {ethernet(0x0800, ipv4(17, 0, 8, udp(10, 'h', 'i')...)...), true, "10.0.0.255", "hi"},
		"don't fragment": {ethernet(0x0800, ipv4(17, 0x4000, 0, udp(10, 'h', 'i')...)...), true, "10.0.0.255", "hi"},
		"padded":         {ethernet(0x0800, ipv4(17, 0, 0, udp(10, 'h', 'i', 0, 0)...)...), true, "10.0.0.255", "hi"},
		"cut":            {ethernet(0x0800, ipv4(17, 0, 0, udp(1000, 'h', 'i')...)...), true, "10.0.0.255", "hi"},
		"IPv6":           {ethernet(0x86dd, ipv6(17, udp(10, 'h', 'i')...)...), true, "ff00::", "hi"},
		"empty datagram": {ethernet(0x0800, ipv4(17, 0, 0, udp(8)...)...), true, "10.0.0.255", ""},
		"bad length":     {ethernet(0x0800, ipv4(17, 0, 0, udp(0, 'h', 'i')...)...), true, "10.0.0.255", ""},
		"later fragment": {ethernet(0x0800, ipv4(17, 0x2001, 0, udp(10, 'h', 'i')...)...), false, "", ""},
		"TCP":            {ethernet(0x0800, ipv4(6, 0, 0, udp(10, 'h', 'i')...)...), false, "", ""},
		"IGMP":           {ethernet(0x0800, ipv4(2, 0, 4, 1, 2, 3)...), false, "", ""},
		"ICMPv6":         {ethernet(0x86dd, ipv6(58, 1, 2, 3)...), false, "", ""},
		"MLD":            {ethernet(0x86dd, ipv6(0, 58, 0)...), false, "", ""},
		"ARP":            {ethernet(0x0806, 1, 2, 3), false, "", ""},
	} {
		f, ok := parse(tt.in)
		if ok != tt.want || string(f.Payload) != tt.payload {
			t.Errorf("%s: got %+v, %v", name, f, ok)
		}
		if ok && (!bytes.Equal(f.Raw, tt.in) || f.Length != len(tt.in)) {
			t.Errorf("%s: got %+v", name, f)
		}
		if ok && (f.EtherDst != [6]byte{1, 2, 3, 4, 5, 6} || tt.dst != "" && (f.DstIP != netip.MustParseAddr(tt.dst) || f.DstPort != 9)) {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ethernet(0x0842, 'h', 'i'))
	f.Add(ethernet(0x0800, ipv4(17, 0, 8, udp(10, 'h', 'i')...)...))
	f.Add(ethernet(0x86dd, ipv6(17, udp(10, 'h', 'i')...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for n := range b {
			parse(b[:n:n])
		}
		was := slices.Clone(b)
		got, ok := parse(b)
		if !ok {
			return
		}
		if !bytes.Contains(b, got.Payload) {
			t.Fatalf("payload %x is not in the frame", got.Payload)
		}
		// The kernel overwrites the slot that b was in.
		payload := slices.Clone(got.Payload)
		clear(b)
		if !bytes.Equal(payload, got.Payload) || !bytes.Equal(was, got.Raw) {
			t.Fatalf("what was read from %x is not a copy", was)
		}
	})
}
