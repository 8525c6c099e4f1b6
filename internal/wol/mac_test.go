package wol_test

import (
	"encoding/json"
	"strings"
	"testing"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

func TestParseMACFourSpellings(t *testing.T) {
	t.Parallel()
	want := wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	for _, s := range []string{
		"aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF", "aa-bb-cc-dd-ee-ff", "AA-BB-CC-DD-EE-FF",
		"aabb.ccdd.eeff", "AABB.CCDD.EEFF", "aabbccddeeff", "AABBCCDDEEFF", "Aa:bB:cC:Dd:eE:Ff",
	} {
		got, err := wol.ParseMAC(s)
		if err != nil || got != want {
			t.Errorf("ParseMAC(%q) = %v, %v", s, got, err)
		}
	}
	if got := want.String(); got != "aa:bb:cc:dd:ee:ff" {
		t.Errorf("String() = %q", got)
	}
}

func TestParseMACRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	for _, s := range woltest.BadMACs() {
		got, err := wol.ParseMAC(s)
		if wol.KindOf(err) != wol.Invalid || err == nil {
			t.Errorf("ParseMAC(%q) = %v, %v; want kind invalid", s, got, err)
		}
	}
	if _, err := wol.ParseMAC("canary-canary-can"); strings.Contains(err.Error(), "canary") {
		t.Errorf("the error quotes its input: %v", err)
	}
}

func TestParseMACNamesTheCause(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":                                       "48 bits",
		"\u200eaa:bb:cc:dd:ee:ff":                "invisible character",
		"aa:bb:cc:dd:ee:ff\u202c":                "invisible character",
		"aabbccdde\u200b":                        "invisible character", // of 12 bytes
		"aa:bb:cc:dd:ee:ff ":                     "space",
		"\u00a0aa:bb:cc:dd:ee:ff":                "space",
		"aa bb cc dd ee ff":                      "space",
		"8:0:37:d7:a:45":                         "two, such as 08",
		"08-00-37-D7-A-45":                       "two, such as 08",
		"41135085296":                            "YAML",
		"aa:bb:cc:dd:ee":                         "48 bits",
		"aa:bb-cc:dd-ee:ff":                      "48 bits",
		"zz:zz:zz:zz:zz:zz":                      "not a hex digit",
		"aa:bb:cc:dd:ee:ff:00:11":                "48 bits",
		"http://x/aa:bb:cc:dd:ee:ff":             "48 bits",
		"a:b:c:d:e:" + strings.Repeat("f", 7000): "48 bits",
	} {
		_, err := wol.ParseMAC(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseMAC(%.40q): %v, want %q", s, err, want)
		}
	}
}

func TestMACInJSON(t *testing.T) {
	t.Parallel()
	var m wol.MAC
	if err := json.Unmarshal([]byte(`"AABB.CCDD.EEFF"`), &m); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err != nil || string(text) != `"aa:bb:cc:dd:ee:ff"` {
		t.Errorf("got %s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(`"ff:ff:ff:ff:ff:ff"`), &m); err == nil {
		t.Error("the broadcast address was accepted")
	}
}

func FuzzMAC(f *testing.F) {
	for _, s := range woltest.BadMACs() {
		f.Add(s)
	}
	f.Add("aa:bb:cc:dd:ee:ff")
	f.Add("02-11-22-33-44-55")
	f.Add("0211.2233.4455")
	f.Add("021122334455")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := wol.ParseMAC(s)
		if err != nil {
			if wol.KindOf(err) != wol.Invalid {
				t.Fatalf("kind %s", wol.KindOf(err))
			}
			return
		}
		if m == (wol.MAC{}) || m[0]&1 != 0 {
			t.Fatalf("%q gave %v, which is not unicast", s, m)
		}
		again, err := wol.ParseMAC(m.String())
		if err != nil || again != m {
			t.Fatalf("%v printed and read back is %v, %v", m, again, err)
		}
		// The twelve hex digits of the input are the address, whatever stood between them.
		digits := strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.ToLower(s))
		if strings.ReplaceAll(m.String(), ":", "") != digits {
			t.Fatalf("%q became %v", s, m)
		}
	})
}
