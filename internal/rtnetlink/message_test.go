package rtnetlink

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// attribute is one attribute; several are several of it joined.
func attribute(kind uint16, value ...byte) []byte { return appendAttribute(nil, kind, value) }

// body is what a message has after its own header.
func body(header any, attributes ...[]byte) []byte {
	return append(encode(header), slices.Concat(attributes...)...)
}

func TestMessages(t *testing.T) {
	t.Parallel()
	whole := request(unix.RTM_NEWLINK, 0, []byte{1, 2, 3}) // 19 bytes, and one to fill up
	padded := append(slices.Clone(whole), 0)
	short := slices.Clone(whole)
	short[0] = unix.SizeofNlMsghdr - 1
	for name, tt := range map[string]struct {
		in   []byte
		want int // messages, or -1 for an error
	}{
		"nothing":          {nil, 0},
		"one":              {whole, 1},
		"one, padded":      {padded, 1},
		"two":              {slices.Concat(padded, whole), 2},
		"cut in the body":  {whole[:18], -1},
		"cut in a header":  {whole[:15], -1},
		"cut in the next":  {slices.Concat(padded, whole[:7]), -1},
		"less than itself": {short, -1},
		"huge":             {slices.Concat([]byte{0xff, 0xff, 0xff, 0xff}, whole[4:]), -1},
	} {
		got, err := messages(tt.in)
		if tt.want < 0 && errors.Is(err, errMalformed) {
			continue
		}
		if err != nil || len(got) != tt.want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		for _, m := range got {
			if string(m.body) != "\x01\x02\x03" || m.Type != unix.RTM_NEWLINK || m.Seq != sequence {
				t.Errorf("%s: got %+v", name, m)
			}
		}
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   []byte
		want error
	}{
		{encode(int32(0)), nil},
		{encode(-int32(unix.ENETUNREACH)), unix.ENETUNREACH},
		{append(encode(-int32(unix.EPERM)), make([]byte, 16)...), unix.EPERM},
		{nil, errMalformed},
		{[]byte{0, 0, 0}, errMalformed},
	} {
		if got := (message{body: tt.in}).outcome(); !errors.Is(got, tt.want) {
			t.Errorf("% x: got %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	first, second := attribute(1, 'a'), attribute(2|unix.NLA_F_NESTED, 'b', 'c')
	for name, tt := range map[string]struct {
		in   []byte
		want string
	}{
		"nothing":        {nil, ""},
		"two":            {slices.Concat(first, second), "1:a 2:bc "},
		"not padded":     {slices.Concat(first, second[:6]), "1:a 2:bc "},
		"second is cut":  {slices.Concat(first, second[:5]), "1:a "},
		"header is cut":  {slices.Concat(first, second[:3]), "1:a "},
		"no room to be":  {slices.Concat([]byte{3, 0, 0, 0}, first), ""},
		"of zero length": {slices.Concat([]byte{0, 0, 0, 0}, first), ""},
		"empty":          {slices.Concat(attribute(3), first), "3: 1:a "},
	} {
		all := attributes(tt.in)
		for range 2 { // It can be walked again.
			var got string
			for kind, value := range all {
				got += fmt.Sprintf("%d:%s ", kind, value)
			}
			if got != tt.want {
				t.Errorf("%s: got %q, want %q", name, got, tt.want)
			}
		}
	}
}
