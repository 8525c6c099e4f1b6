package apikey_test

import (
	"strings"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

func TestEnvKey(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"base64":        "q0Zk3l9v+7Yx/1bTt2rWmC5sN8dHfJ4gLpKaUeXiOwQ=",
		"hex":           "8f3a1c5e7b9d2046a1b3c5d7e9f0b2d4",
		"shortest":      "aB3$eF6&iJ9(mN2!qR5%uV8x",
		"longest":       strings.Repeat("q0Zk3l9v", 64),
		"generated":     apikey.Generate().Reveal(),
		"one newline":   "q0Zk3l9v+7Yx/1bTt2rWmC5s\n",
		"windows lines": "\r\n  q0Zk3l9v+7Yx/1bTt2rWmC5s\t\r\n",
	} {
		env, err := apikey.ParseEnvKey(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		set := apikey.NewSet(apikey.File{}, env)
		p, ok := set.Authenticate(strings.TrimSpace(text), time.Now())
		if !ok || p.Grant != "env" || p.Name != "env" || !p.Has(wol.Wake) || !p.Has(wol.Admin) || !p.May(wol.Wake, macA()) {
			t.Errorf("%s: %+v, %v", name, p, ok)
		}
		if _, ok := set.Authenticate(strings.TrimSpace(text)+"x", time.Now()); ok {
			t.Errorf("%s: another text was accepted", name)
		}
		if set.Len() != 1 || set.Usable(time.Now()) != 1 {
			t.Errorf("%s: %d keys, %d usable", name, set.Len(), set.Usable(time.Now()))
		}
	}
}

func TestEnvKeyRefuses(t *testing.T) {
	t.Parallel()
	const good = "q0Zk3l9v+7Yx/1bTt2rWmC5s"
	for _, tt := range []struct{ text, want string }{
		{"", "shorter than 24"},
		{"\n", "shorter than 24"},
		{good[:23], "shorter than 24"},
		{good[:23] + "\n", "shorter than 24"},
		{strings.Repeat("q0Zk3l9v", 64) + "x", "longer than 512"},
		{good + " " + good, "space"},
		{good + "\n" + good, "space"},
		{good + "\t" + good, "space"},
		{good + "," + good, "comma"},
		{`"` + good + `"`, "quotes"},
		{"'" + good + "'\n", "quotes"},
		{good + "\x00", "printable"},
		{good + "\x7f", "printable"},
		{good + "é", "printable"},
		{strings.Repeat("a", 24), "different characters"},
		{strings.Repeat("abcdefg", 4), "different characters"},
		{"changeme-" + good, "placeholder"},
		{good + "CHANGE-ME", "placeholder"},
		{good + "Change_Me", "placeholder"},
		{"your-api-key-goes-here-please", "placeholder"},
		{"YOUR_API_KEY_GOES_HERE_PLEASE", "placeholder"},
		{"put.your-key.here.for.testing", "placeholder"},
		{good + "yourkey", "placeholder"},
		{"replace-me-with-something-real", "placeholder"},
		{"<insert-a-long-random-text-here>", "placeholder"},
		{"some-placeholder-of-a-length", "placeholder"},
		{"key-of-example.com-for-wolgate", "placeholder"},
		{"my-very-long-Password-is-good", "placeholder"},
		{"secret-key-number-one-of-two", "placeholder"},
		{"1234567890123456789012345678", "placeholder"},
		{"abcdefghijklmnopqrstuvwxyz", "placeholder"},
	} {
		env, err := apikey.ParseEnvKey(tt.text)
		if err == nil || env != (apikey.EnvKey{}) {
			t.Errorf("%q was accepted", tt.text)
			continue
		}
		for _, want := range []string{tt.want, "api-server keys add", "openssl rand -base64 32"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v; want it to say %q", tt.text, err, want)
			}
		}
		// Twelve characters in a row are more than the error shares with any of them by chance.
		for i := 0; i+12 <= len(tt.text); i++ {
			if part := tt.text[i : i+12]; strings.Contains(err.Error(), part) {
				t.Errorf("%q: the error quotes %q", tt.text, part)
			}
		}
	}
}
