package wol_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"wolgate/internal/wol"
)

func TestParseSecureOn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]byte{
		"c0a80107":     {0xc0, 0xa8, 0x01, 0x07},
		"C0A80107aabb": {0xc0, 0xa8, 0x01, 0x07, 0xaa, 0xbb},
		"00000000":     {0, 0, 0, 0},
	} {
		got, err := wol.ParseSecureOn(in)
		if err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("ParseSecureOn(%q) = %x, %v", in, got.Bytes(), err)
		}
		if got.Reveal() != strings.ToLower(in) {
			t.Errorf("Reveal() = %q, want %q", got.Reveal(), strings.ToLower(in))
		}
	}
	for _, in := range []string{"", "c0a801", "c0a8010", "c0a80107aa", "c0a80107aabbc", "c0a80107aabbcc", "c0:a8:01:07", "secret", "secretpass12", "192.168.1.7", "c0a8010g"} {
		if _, err := wol.ParseSecureOn(in); err == nil || wol.KindOf(err) != wol.Invalid {
			t.Errorf("ParseSecureOn(%q) = %v, want kind invalid", in, err)
		} else if in != "" && strings.Contains(err.Error(), in) {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

func TestSecureOnNeverShows(t *testing.T) {
	t.Parallel()
	p, err := wol.ParseSecureOn("deadbeefcafe")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	req := wol.Request{Targets: []wol.Target{{MAC: wol.MAC{2}, SecureOn: p}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb, p)
		fmt.Fprintf(&out, verb, &p)
		fmt.Fprintf(&out, verb, req)
	}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("x", "p", p, "pp", &p, "req", req)
	}
	text, _ := json.Marshal(req)
	out.Write(text)
	for _, leak := range []string{"deadbeef", "DEADBEEF", "222 173", "3735928559"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the password shows as %q in:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), wol.Hidden) {
		t.Error("nothing says that a password was there")
	}
}

func FuzzSecureOn(f *testing.F) {
	f.Add("c0a80107")
	f.Add("c0a80107aabb")
	f.Add("c0a80107aa")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := wol.ParseSecureOn(s)
		if err != nil {
			return
		}
		if n := len(p.Bytes()); n != 4 && n != 6 {
			t.Fatalf("%q gave %d bytes", s, n)
		}
		if p.Reveal() != strings.ToLower(s) {
			t.Fatalf("%q became %q", s, p.Reveal())
		}
	})
}
