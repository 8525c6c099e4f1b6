package apikey_test

import (
	"strings"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// TestNames has what a name may be, and what a shell, a terminal or an eye would take for
// something else.
func TestNames(t *testing.T) {
	t.Parallel()
	tooLong := strings.Repeat("가", 65)
	for name, valid := range map[string]bool{
		"내 폰": true, "Büro-PC": true, "हिन्दी": true, "مكتب ٢": true, "a": true, "7": true, "v1.2_x-": true, tooLong[3:]: true,
		"": false, tooLong: false, " a": false, "a ": false, "a  b": false, "-a": false, "a -b": false, ".a": false, "_": false,
		"a\tb": false, "a\nb": false, "a\u00a0b": false, "a/b": false, "a'b": false, "a$b": false, "½": false, "🖥": false,
		"a\u200eb": false, "a\u200db": false, "\u3164": false, "a\u115f": false, "a\ufe0f": false, "\u0301a": false, "a \u0301": false, "\xff": false,
		"env": false, apikey.Generate().Reveal(): false,
	} {
		path := write(t, document(t))
		_, err := add(path, name)
		if (err == nil) != valid {
			t.Errorf("%q: %v", name, err)
		}
		if valid && (len(names(t, path)) != 1 || names(t, path)[0] != name || apikey.Revoke(path, name) != nil) {
			t.Errorf("%q became %q", name, names(t, path))
		}
	}
	// macOS hands out letters in parts, and a file may have been written by hand.
	const composed, parts = "é 폰", "e\u0301 \u1111\u1169\u11ab"
	path := write(t, document(t, entry(parts, apikey.Generate(), nil)))
	if got := names(t, path); got[0] != composed {
		t.Errorf("the file has %q", got)
	}
	if _, err := add(path, composed); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("two keys of one name: %v", err)
	}
	if err := apikey.Revoke(path, parts); err != nil || len(names(t, path)) != 0 {
		t.Errorf("the same name in parts: %v, %q", err, names(t, path))
	}
	if _, err := apikey.Add(path, "a b", []wol.Action{wol.Wake}, nil, time.Time{}, noon()); err != nil {
		t.Fatal(err)
	}
	if _, err := add(path, "a b"); err == nil || !strings.Contains(err.Error(), "keys revoke 'a b' --keys "+path) {
		t.Errorf("the cure cannot be typed: %v", err)
	}
}
