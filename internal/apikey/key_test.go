package apikey_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"testing"

	"wolgate/internal/apikey"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// sealed returns text with the checksum that belongs to it, computed apart
// from the package.
func sealed(text string) string {
	return text + digits(uint64(crc32.ChecksumIEEE([]byte(text))))
}

// digits returns six digits in base 62.
func digits(n uint64) (text string) {
	for range 6 {
		text = string(alphabet[n%62]) + text
		n /= 62
	}
	return text
}

func TestGeneratedKeys(t *testing.T) {
	t.Parallel()
	const n = 100_000
	shape := regexp.MustCompile(`^wol_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$`)
	seen := make(map[string]bool, n)
	var tally [256]int
	for range n {
		key := apikey.Generate()
		text := key.Reveal()
		if !shape.MatchString(text) || text != sealed(text[:45]) || key.ID() != text[4:12] {
			t.Fatalf("generated %q with id %q", text, key.ID())
		}
		seen[text] = true
		for i := range text[13:45] {
			tally[text[13+i]]++
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d keys are different", len(seen), n)
	}
	// Each character comes 51613 times on average with a deviation of 225. A
	// byte taken modulo 62 would give the first eight of them a quarter more.
	for _, c := range []byte(alphabet) {
		if mean := n * 32 / 62; tally[c] < mean-2000 || tally[c] > mean+2000 {
			t.Errorf("%c was drawn %d times, want about %d", c, tally[c], mean)
		}
	}
	// What the characters were drawn with is what a guesser is up against.
	bits := 0.0
	for _, count := range tally {
		if p := float64(count) / (n * 32); p > 0 {
			bits -= 32 * p * math.Log2(p)
		}
	}
	if bits < 160 {
		t.Errorf("a secret has %.1f bits, want 160 or more", bits)
	}
}

func TestEverySubstitutionIsRefused(t *testing.T) {
	t.Parallel()
	for range 20 {
		text := apikey.Generate().Reveal()
		for i := range text {
			for _, c := range []byte(alphabet + "_-. \n\x00") {
				if c == text[i] {
					continue
				}
				wrong := text[:i] + string(c) + text[i+1:]
				if apikey.WellFormed(wrong) {
					t.Errorf("%q was accepted for %q", wrong, text)
				}
			}
		}
	}
}

func TestMalformedKeysAreRefused(t *testing.T) {
	t.Parallel()
	good := sealed("wol_abcdefgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
	if !apikey.WellFormed(good) {
		t.Fatalf("%q was refused", good)
	}
	for name, s := range map[string]string{
		"empty":            "",
		"prefix":           "wol_",
		"cut short":        good[:50],
		"one more":         good + "0",
		"newline":          good + "\n",
		"space":            " " + good[:50],
		"other prefix":     sealed("WOL_abcdefgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"other separator":  sealed("wol_abcdefgh-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"dash in id":       sealed("wol_abcd-fgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
		"dash in secret":   sealed("wol_abcdefgh_ABCDEFGHIJKLMNOP-RSTUVWXYZ012345"),
		"not ASCII":        sealed("wol_abcdefgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123é"),
		"bearer":           "Bearer " + good,
		"swapped":          good[:20] + good[21:22] + good[20:21] + good[22:],
		"checksum + 2^32":  good[:45] + digits(1<<32+uint64(crc32.ChecksumIEEE([]byte(good[:45])))),
		"no checksum":      good[:45] + "000000",
		"very long":        strings.Repeat(good, 1000),
		"zero bytes":       strings.Repeat("\x00", 51),
		"underscores only": strings.Repeat("_", 51),
	} {
		if apikey.WellFormed(s) {
			t.Errorf("%s: %q was accepted", name, s)
		}
	}
}

func TestSecretNeverShows(t *testing.T) {
	t.Parallel()
	key := apikey.Generate()
	env, err := apikey.ParseEnvKey(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	type wrapped struct {
		Public  apikey.Key
		private apikey.Key
		ptr     *apikey.Key
		env     apikey.EnvKey
	}
	w := wrapped{key, key, &key, env}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		for _, v := range []any{key, &key, w, &w, []apikey.Key{key}, map[string]apikey.Key{"k": key}, env, &env} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("x", "k", key, "p", &key, "w", w, "e", env)
	}
	text, err := json.Marshal(map[string]any{"k": key, "p": &key, "w": w})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	secret := key.Reveal()[13:]
	// Besides the text: its hex, which %x writes, and the start of its bytes in decimal.
	for _, leak := range []string{secret, secret[:8], fmt.Sprintf("%x", secret[:8]), fmt.Sprintf("%X", secret[:8]), strings.Trim(fmt.Sprint([]byte(secret[:6])), "[]")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the secret shows as %q in:\n%s", leak, out.String())
		}
	}
	if want := "wol_" + key.ID() + "_[hidden]"; !strings.Contains(out.String(), want) {
		t.Errorf("nothing shows as %s", want)
	}
	var zero apikey.Key
	if zero.String() != "" || zero.Reveal() != "" || zero.ID() != "" {
		t.Errorf("the zero key is %q", zero.Reveal())
	}
}

func FuzzKey(f *testing.F) {
	f.Add(sealed("wol_abcdefgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"))
	f.Add(sealed("wol_00000000_00000000000000000000000000000000"))
	f.Add("wol_abcdefgh_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345000000")
	f.Add("wol_")
	f.Fuzz(func(t *testing.T, s string) {
		// The checksum keeps a fuzzer out, so it is also let in.
		for _, text := range []string{s, sealed(s)} {
			if apikey.WellFormed(text) && (len(text) != 51 || sealed(text[:45]) != text) {
				t.Fatalf("%q was accepted", text)
			}
		}
	})
}
