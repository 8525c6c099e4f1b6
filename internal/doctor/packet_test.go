package doctor

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

func packets(t testing.TB, target [6]byte, secureOn []byte) (ipv4, ipv6, frame []byte) {
	t.Helper()
	magic, err := magicpacket.Packet{Target: target, SecureOn: secureOn}.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	udp := []byte{0xd8, 0x00, 0, 9, 0, byte(8 + len(magic)), 0, 0}
	four := make([]byte, 20)
	four[0], four[9] = 0x45, 17
	copy(four[16:], []byte{192, 168, 1, 255})
	six := make([]byte, 40)
	six[0], six[6] = 0x60, 17
	copy(six[24:], netip.MustParseAddr("ff02::1").AsSlice())
	return append(append(four, udp...), magic...), append(append(six, udp...), magic...), magic
}

func TestMagicIn(t *testing.T) {
	t.Parallel()
	target := [6]byte{2, 'W', 'O', 'L', 1, 2}
	for _, secureOn := range [][]byte{nil, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6}} {
		ipv4, ipv6, frame := packets(t, target, secureOn)
		for name, tt := range map[string]struct {
			packet []byte
			to     netip.AddrPort
		}{
			"IPv4": {ipv4, netip.MustParseAddrPort("192.168.1.255:9")},
			"IPv6": {ipv6, netip.MustParseAddrPort("[ff02::1]:9")},
			"raw":  {frame, netip.AddrPort{}},
		} {
			mac, to, ok := magicIn(tt.packet)
			if !ok || mac != wol.MAC(target) || to != tt.to {
				t.Errorf("%s: got %v %v %v", name, mac, to, ok)
			}
			if len(tt.packet) >= mostBytes {
				t.Errorf("%s: %d bytes do not fit", name, len(tt.packet))
			}
			for n := range tt.packet {
				if _, _, ok := magicIn(tt.packet[:n]); ok && n < len(tt.packet)-len(secureOn) {
					t.Errorf("%s: cut to %d bytes it is still one", name, n)
				}
			}
			if _, _, ok := magicIn(append(bytes.Clone(tt.packet), make([]byte, 10)...)); ok {
				t.Errorf("%s: with a tail it is still one", name)
			}
		}
	}
}

func FuzzMagicIn(f *testing.F) {
	ipv4, ipv6, frame := packets(f, [6]byte{2}, nil)
	f.Add(ipv4)
	f.Add(ipv6)
	f.Add(frame)
	f.Fuzz(func(t *testing.T, b []byte) {
		mac, _, ok := magicIn(b)
		if ok && !bytes.Contains(b, bytes.Repeat(mac[:], 16)) {
			t.Errorf("%v is not in %x", mac, b)
		}
	})
}

// TestTrialsDiffer is about two interfaces, and about two doctors.
func TestTrialsDiffer(t *testing.T) {
	t.Parallel()
	f := facts{interfaces: []wol.Interface{{Name: "a", Eligible: true}, {Name: "b"}, {Name: "c", Eligible: true}}}
	runs := map[uint16]bool{}
	for range 20 {
		probes := f.newProbes()
		if len(probes) != 2 || probes[0].mac == probes[1].mac {
			t.Fatalf("got %+v", probes)
		}
		for _, one := range probes {
			if !bytes.HasPrefix(one.mac[:], []byte{0x02, 0x57, 0x4f, 0x4c}) {
				t.Errorf("%v is not one of ours", one.mac)
			}
		}
		runs[binary.BigEndian.Uint16(probes[0].mac[4:])] = true
	}
	if len(runs) < 10 {
		t.Errorf("20 runs had %d addresses", len(runs))
	}
}

func TestNote(t *testing.T) {
	t.Parallel()
	to := netip.MustParseAddrPort("192.168.1.255:9")
	for name, tt := range map[string]struct {
		s    captured
		want int
	}{
		"it":                {captured{wol.MAC{2}, 3, to}, 1},
		"another's":         {captured{wol.MAC{4}, 3, to}, 0},
		"elsewhere":         {captured{wol.MAC{2}, 5, to}, 0},
		"to another":        {captured{wol.MAC{2}, 3, netip.AddrPortFrom(to.Addr(), 7)}, 0},
		"a frame, not this": {captured{wol.MAC{2}, 3, netip.AddrPort{}}, 0},
	} {
		one := probe{mac: wol.MAC{2}, legs: []leg{{to: to, watched: true, out: 2, uplinks: []int{3, 4}}}}
		one.note(tt.s)
		one.note(tt.s) // a second copy of it is no news
		if got := one.legs[0]; len(got.left) != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
