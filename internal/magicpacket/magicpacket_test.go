package magicpacket

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var target = [6]byte{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}

func TestMarshalMatchesGoldenBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		golden   string
		secureOn []byte
	}{
		{"testdata/plain.hex", nil},
		{"testdata/secureon4.hex", []byte{192, 168, 1, 7}},
		{"testdata/secureon6.hex", []byte{0xc0, 0xa8, 0x01, 0x07, 0xaa, 0xbb}},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			t.Parallel()
			want := goldenHex(t, tt.golden)
			p := Packet{Target: target, SecureOn: tt.secureOn}
			got, err := p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("wire form (-want +got):\n%s", diff)
			}
			var back Packet
			if err := back.UnmarshalBinary(got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, back); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendBinaryKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	got, err := Packet{Target: target}.AppendBinary([]byte("head"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, []byte("head")) || len(got) != len("head")+Len {
		t.Errorf("got %d bytes starting %q", len(got), got[:4])
	}
}

func TestAppendBinaryRefusesOtherSecureOnLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 5, 7, 8, 100} {
		got, err := Packet{Target: target, SecureOn: make([]byte, n)}.AppendBinary([]byte("x"))
		if !errors.Is(err, ErrSecureOn) || string(got) != "x" {
			t.Errorf("%d bytes: got %q, %v; want ErrSecureOn and the input", n, got, err)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	good := goldenHex(t, "testdata/plain.hex")
	change := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x01
		return b
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrLength},
		{"one byte short", good[:101], ErrLength},
		{"one byte long", append(bytes.Clone(good), 0), ErrLength},
		{"five bytes of password", append(bytes.Clone(good), 1, 2, 3, 4, 5), ErrLength},
		{"one byte past six", append(bytes.Clone(good), 1, 2, 3, 4, 5, 6, 7), ErrLength},
		{"first sync byte", change(0), ErrSync},
		{"last sync byte", change(5), ErrSync},
		{"second repetition", change(12), ErrTarget},
		{"last byte of the last repetition", change(101), ErrTarget},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Packet{Target: [6]byte{9}}
			if err := p.UnmarshalBinary(tt.in); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if p.Target != [6]byte{9} {
				t.Error("a refused packet changed the receiver")
			}
		})
	}
}

// TestUnmarshalAgain reads packets one after the other into the same Packet.
func TestUnmarshalAgain(t *testing.T) {
	t.Parallel()
	var p Packet
	for _, secureOn := range [][]byte{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10}, nil, {11, 12, 13, 14, 15, 16}} {
		wire, err := Packet{Target: target, SecureOn: secureOn}.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.UnmarshalBinary(wire); err != nil || p.Target != target || !bytes.Equal(p.SecureOn, secureOn) {
			t.Errorf("got %+v, %v, want the password %v", p, err, secureOn)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, name := range []string{"plain", "secureon4", "secureon6"} {
		f.Add(goldenHex(f, "testdata/"+name+".hex"))
	}
	f.Add(bytes.Repeat([]byte{0xff}, Len)) // all sync: the broadcast address repeated
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		var p Packet
		if p.UnmarshalBinary(in) != nil {
			return
		}
		out, err := p.MarshalBinary()
		if err != nil {
			t.Fatalf("an accepted packet does not marshal: %v", err)
		}
		if !bytes.Equal(in, out) {
			t.Fatalf("round trip: %x became %x", in, out)
		}
	})
}

func goldenHex(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
