package apikey_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

func macA() wol.MAC { return wol.MAC{2, 0, 0, 0, 0, 0xa} }
func macB() wol.MAC { return wol.MAC{2, 0, 0, 0, 0, 0xb} }

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// entry is a key of a file as the file spells it, made apart from the package.
func entry(name string, key apikey.Key, more map[string]any) map[string]any {
	fields := map[string]any{
		"name": name, "id": key.ID(), "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(key.Reveal()))),
		"scopes": []string{"wake"}, "created": "2026-01-01T00:00:00Z",
	}
	for k, v := range more {
		if fields[k] = v; v == nil {
			delete(fields, k)
		}
	}
	return fields
}

func document(tb testing.TB, entries ...map[string]any) []byte {
	tb.Helper()
	text, err := json.Marshal(map[string]any{"keys": append([]map[string]any{}, entries...)})
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func parse(tb testing.TB, entries ...map[string]any) apikey.File {
	tb.Helper()
	f, err := apikey.ParseFile(document(tb, entries...))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestAuthenticateSaysWhoAndWhat(t *testing.T) {
	t.Parallel()
	waker, admin, narrow := apikey.Generate(), apikey.Generate(), apikey.Generate()
	set := apikey.NewSet(parse(t,
		entry("waker", waker, nil),
		entry("admin", admin, map[string]any{"scopes": []string{"admin"}}),
		entry("narrow", narrow, map[string]any{"scopes": []string{"wake", "admin"}, "targets": []string{macA().String()}}),
	), apikey.EnvKey{})
	for _, tt := range []struct {
		key         apikey.Key
		name        string
		wake, admin bool
		a, b        bool
	}{
		{waker, "waker", true, false, true, true},
		{admin, "admin", false, true, false, false},
		{narrow, "narrow", true, true, true, false},
	} {
		p, ok := set.Authenticate(tt.key.Reveal(), noon())
		if !ok || p.Name != tt.name || p.Grant != tt.key.ID() {
			t.Errorf("%s: got %+v, %v", tt.name, p, ok)
		}
		if p.Has(wol.Wake) != tt.wake || p.Has(wol.Admin) != tt.admin || p.Has("") {
			t.Errorf("%s: wake %v, admin %v", tt.name, p.Has(wol.Wake), p.Has(wol.Admin))
		}
		if p.May(wol.Wake, macA()) != tt.a || p.May(wol.Wake, macB()) != tt.b {
			t.Errorf("%s: target A %v, B %v", tt.name, p.May(wol.Wake, macA()), p.May(wol.Wake, macB()))
		}
	}
	if set.Len() != 3 || set.Usable(noon()) != 3 {
		t.Errorf("%d keys, %d usable", set.Len(), set.Usable(noon()))
	}
	var nobody wol.Caller
	if nobody.Has(wol.Wake) || nobody.Has("") || nobody.May(wol.Wake, macA()) || nobody.May(wol.Wake, wol.MAC{}) {
		t.Error("the zero Caller may do something")
	}
}

func TestEveryRefusalIsTheSame(t *testing.T) {
	t.Parallel()
	live, expired, unknown := apikey.Generate(), apikey.Generate(), apikey.Generate()
	env, err := apikey.ParseEnvKey("q0Zk3l9v+7Yx/1bTt2rWmC5s")
	if err != nil {
		t.Fatal(err)
	}
	entries := []map[string]any{entry("live", live, nil), entry("expired", expired, map[string]any{"expires": "2026-01-02T00:00:00Z"})}
	text, id := live.Reveal(), live.ID()
	other := sealed("wol_" + id + "_" + strings.Repeat("0", 32))
	presented := map[string]string{
		"empty": "", "unknown id": unknown.Reveal(), "right id, wrong secret": other, "mistyped": text[:50] + "!", "expired": expired.Reveal(),
		"wrong secret, same checksum": other[:45] + text[45:], "id alone": id, "hash": entries[0]["sha256"].(string),
		"bearer": "Bearer " + text, "trailing space": text + " ", "twice": text + text, "half of env": "q0Zk3l9v+7Yx", "env": "env",
		"very long": strings.Repeat("a", 1<<20), "zero bytes": strings.Repeat("\x00", 32), "not UTF-8": "\xff\xfe",
	}
	for name, set := range map[string]*apikey.Set{
		"file and env": apikey.NewSet(parse(t, entries...), env),
		"file":         apikey.NewSet(parse(t, entries...), apikey.EnvKey{}),
		"env":          apikey.NewSet(apikey.File{}, env),
		"nothing":      apikey.NewSet(apikey.File{}, apikey.EnvKey{}),
	} {
		for fault, s := range presented {
			p, ok := set.Authenticate(s, noon())
			known := fault == "expired" && strings.Contains(name, "file") // to the log, and for nothing else
			if ok || (p.Grant != "") != known || (p.Name != "") != known || p.Has(wol.Wake) || p.May(wol.Wake, macA()) {
				t.Errorf("%s, %s: got %+v, %v", name, fault, p, ok)
			}
		}
		_, ok := set.Authenticate(text, noon())
		if want := strings.Contains(name, "file"); ok != want {
			t.Errorf("%s: the live key is accepted: %v, want %v", name, ok, want)
		}
	}
	revoked := apikey.NewSet(parse(t, entries[1]), env)
	if p, ok := revoked.Authenticate(text, noon()); ok || p.Grant != "" {
		t.Errorf("revoked: got %+v, %v", p, ok)
	}
	if revoked.Len() != 2 || revoked.Usable(noon()) != 1 {
		t.Errorf("%d keys, %d usable; want 2, 1", revoked.Len(), revoked.Usable(noon()))
	}
}

// An all-zero hash in the file is what the decoy has inside, and no text's.
func TestZeroHashIsNobody(t *testing.T) {
	t.Parallel()
	key := apikey.Generate()
	set := apikey.NewSet(parse(t, entry("zero", key, map[string]any{"sha256": strings.Repeat("0", 64)})), apikey.EnvKey{})
	if _, ok := set.Authenticate(key.Reveal(), noon()); ok {
		t.Error("accepted")
	}
}

func TestExpiryToTheSecond(t *testing.T) {
	t.Parallel()
	key := apikey.Generate()
	set := apikey.NewSet(parse(t, entry("k", key, map[string]any{"expires": "2026-03-01T12:00:00Z"})), apikey.EnvKey{})
	east := time.FixedZone("east", 5*3600)
	for offset, want := range map[time.Duration]bool{-time.Second: true, -1: true, 0: false, time.Second: false, time.Hour: false} {
		for _, now := range []time.Time{noon().Add(offset), noon().Add(offset).In(east)} {
			if _, ok := set.Authenticate(key.Reveal(), now); ok != want {
				t.Errorf("%v after the end: %v, want %v", offset, ok, want)
			}
			if usable := set.Usable(now) == 1; usable != want || set.Len() != 1 {
				t.Errorf("%v after the end: usable %v, want %v", offset, usable, want)
			}
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	entries := make([]map[string]any, 1000)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("k%d", i), apikey.Generate(), nil)
	}
	key := apikey.Generate()
	env, err := apikey.ParseEnvKey("q0Zk3l9v+7Yx/1bTt2rWmC5s")
	if err != nil {
		b.Fatal(err)
	}
	set := apikey.NewSet(parse(b, append(entries, entry("k", key, nil))...), env)
	for name, s := range map[string]string{
		"good":         key.Reveal(),
		"unknown":      apikey.Generate().Reveal(),
		"wrong secret": sealed("wol_" + key.ID() + "_" + strings.Repeat("0", 32)),
		"env":          "q0Zk3l9v+7Yx/1bTt2rWmC5s",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Authenticate(s, noon())
			}
		})
	}
}
