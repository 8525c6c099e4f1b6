package apikey_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// add adds a key that may wake every target for ever.
func add(path, name string) (apikey.Key, error) {
	return apikey.Add(path, name, []wol.Action{wol.Wake}, nil, time.Time{}, noon())
}

func mustAdd(t *testing.T, path, name string) apikey.Key {
	t.Helper()
	key, err := add(path, name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func load(t *testing.T, path string) apikey.File {
	t.Helper()
	f, err := apikey.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func names(t *testing.T, path string) []string {
	t.Helper()
	var list []string
	for _, e := range load(t, path).Entries() {
		list = append(list, e.Name)
	}
	slices.Sort(list)
	return list
}

// onlyFile fails when an edit has left anything beside the key file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Name() != filepath.Base(path) {
		t.Errorf("the directory holds %v", list)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAddThenAuthenticateThenRevoke(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	now := noon().Add(1500 * time.Millisecond).In(time.FixedZone("east", 5*3600))
	wide := mustAdd(t, path, "wide")
	scopes, targets := []wol.Action{wol.Wake, wol.Admin, wol.Wake}, []wol.MAC{macB(), macA(), macB()}
	narrow, err := apikey.Add(path, "narrow", scopes, targets, now.Add(time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	f := load(t, path)
	want := []apikey.Entry{
		{Name: "wide", ID: wide.ID(), Scopes: []wol.Action{wol.Wake}, Created: noon()},
		{
			Name: "narrow", ID: narrow.ID(), Scopes: []wol.Action{wol.Admin, wol.Wake}, Targets: []wol.MAC{macA(), macB()},
			Created: noon().Add(time.Second), Expires: noon().Add(time.Hour + time.Second),
		},
	}
	if diff := cmp.Diff(want, f.Entries(), cmpopts.IgnoreUnexported(apikey.Entry{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if scopes[0] != wol.Wake || targets[0] != macB() {
		t.Error("the caller's lists were sorted")
	}
	for _, key := range []apikey.Key{wide, narrow} {
		if p, ok := apikey.NewSet(f, apikey.EnvKey{}).Authenticate(key.Reveal(), noon()); !ok || p.Grant != key.ID() {
			t.Errorf("%v: got %+v, %v", key, p, ok)
		}
		if text := read(t, path); bytes.Contains(text, []byte(key.Reveal()[13:])) || bytes.Contains(text, []byte(key.Reveal()[13:45])) {
			t.Errorf("the file holds a secret:\n%s", text)
		}
	}
	if err := apikey.Revoke(path, "narrow"); err != nil {
		t.Fatal(err)
	}
	set := apikey.NewSet(load(t, path), apikey.EnvKey{})
	if p, ok := set.Authenticate(narrow.Reveal(), noon()); ok || p.Grant != "" {
		t.Errorf("revoked, and got %+v, %v", p, ok)
	}
	if _, ok := set.Authenticate(wide.Reveal(), noon()); !ok {
		t.Error("revoking one key took another")
	}
	again := mustAdd(t, path, "narrow")
	if _, ok := apikey.NewSet(load(t, path), apikey.EnvKey{}).Authenticate(again.Reveal(), noon()); !ok || again.ID() == narrow.ID() {
		t.Error("the name of a revoked key cannot be used again")
	}
	for _, name := range []string{"wide", "narrow"} {
		if err := apikey.Revoke(path, name); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, path)) != "{\n  \"keys\": []\n}\n" {
		t.Errorf("the last key is gone and the file is %s", read(t, path))
	}
	onlyFile(t, path)
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	mustAdd(t, path, "taken")
	before := read(t, path)
	wake := []wol.Action{wol.Wake}
	key := apikey.Generate().Reveal()
	for fault, tt := range map[string]struct {
		name    string
		scopes  []wol.Action
		targets []wol.MAC
		expires time.Time
		want    string
	}{
		"name taken":       {"taken", wake, nil, time.Time{}, path + " has a key named taken already"},
		"bad name":         {"my  laptop", wake, nil, time.Time{}, "name is not"},
		"key for a name":   {key, wake, nil, time.Time{}, "name is itself a key"},
		"env":              {"env", wake, nil, time.Time{}, "name is env"},
		"no scope":         {"k", nil, nil, time.Time{}, "there is no scope"},
		"unknown scope":    {"k", []wol.Action{"root"}, nil, time.Time{}, "scope 1"},
		"zero target":      {"k", wake, []wol.MAC{{}}, time.Time{}, "target 1"},
		"broadcast target": {"k", wake, []wol.MAC{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, time.Time{}, "target 1"},
		"expired":          {"k", wake, nil, noon(), "expired already"},
		"within a second":  {"k", wake, nil, noon().Add(time.Second - 1), "expired already"},
		"year 10000":       {"k", wake, nil, noon().AddDate(8000, 0, 0), "expires is not a time"},
	} {
		got, err := apikey.Add(path, tt.name, tt.scopes, tt.targets, tt.expires, noon())
		if err == nil || got != (apikey.Key{}) {
			t.Errorf("%s: accepted", fault)
		} else if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v, want %q", fault, err, tt.want)
		}
	}
	if err := apikey.Revoke(path, "unknown"); err == nil || !strings.Contains(err.Error(), "api-server keys list") || !strings.Contains(err.Error(), path) {
		t.Errorf("revoking an unknown name: %v", err)
	}
	if err := apikey.Revoke(path, key); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("revoking a key by its text: %v", err)
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("a refused edit has changed the file")
	}
	onlyFile(t, path)
}

func TestUnreadableFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	nearlyFull := document(t, entry("k", apikey.Generate(), nil), entry("long", apikey.Generate(), map[string]any{"targets": manyMACs()}))
	for fault, text := range map[string]string{
		"no bytes":     "",
		"cut short":    `{"keys":[`,
		"unknown":      `{"keys":[],"version":2}`,
		"bad entry":    `{"keys":[{"name":"k"}]}`,
		"not ours":     "root:x:0:0::/root:/bin/sh\n",
		"would be big": string(nearlyFull),
	} {
		path := write(t, []byte(text))
		for verb, edit := range edits(path) {
			if err := edit(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %s gives %v", fault, verb, err)
			}
			if string(read(t, path)) != text {
				t.Errorf("%s: %s has changed the file", fault, verb)
			}
			onlyFile(t, path)
		}
	}
	path := write(t, document(t, entry("k", apikey.Generate(), nil)))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for verb, edit := range edits(path) {
		if err := edit(); err == nil || !strings.Contains(err.Error(), "chmod o-rwx "+path) {
			t.Errorf("%s of a file open to everybody gives %v", verb, err)
		}
	}
}

func edits(path string) map[string]func() error {
	return map[string]func() error{
		"Add":    func() error { _, err := add(path, "new"); return err },
		"Revoke": func() error { return apikey.Revoke(path, "k") },
	}
}

// manyMACs fills a file so far that indenting it makes it too large.
func manyMACs() (list []string) {
	for i := range 40_000 {
		list = append(list, wol.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}.String())
	}
	return list
}

func TestConcurrentAddsAllSurvive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fresh", "keys.json")
	var (
		group sync.WaitGroup
		want  []string
	)
	for i := range 20 {
		near, far := fmt.Sprintf("goroutine%d", i), fmt.Sprintf("process%d", i)
		want = append(want, near, far)
		group.Go(func() {
			if _, err := add(path, near); err != nil {
				t.Errorf("%s: %v", near, err)
			}
		})
		cmd := helper(t, "add", path, far)
		group.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s", far, err, out)
			}
		})
	}
	group.Wait()
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	onlyFile(t, path)
}

// A reader that takes no lock sees the old file or the new one, never a part.
func TestReadersNeverSeeHalfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	mustAdd(t, path, "k0")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			if _, err := add(path, fmt.Sprintf("k%d", i+1)); err != nil {
				t.Error(err)
			}
		}
	}()
	for seen, running := 0, true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		n := len(load(t, path).Entries())
		if n < seen {
			t.Errorf("%d keys after %d", n, seen)
		}
		seen = n
	}
}

func TestKilledEditLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	mustAdd(t, path, "first")
	var told []string
	for round := range 5 {
		told = append(told, killedAfter(t, 1+3*round, path, fmt.Sprintf("round%d.", round))...)
		have := names(t, path) // the file can be read
		for _, name := range append(told, "first") {
			if !slices.Contains(have, name) {
				t.Errorf("round %d: %s is lost", round, name)
			}
		}
	}
	mustAdd(t, path, "last") // the lock has died with its holder
	onlyFile(t, path)
}

func TestLeftoverOfAKilledEdit(t *testing.T) {
	t.Parallel()
	key := apikey.Generate()
	path := write(t, document(t, entry("k", key, nil)))
	leftover := filepath.Join(filepath.Dir(path), ".keys.json.tmp")
	victim := write(t, []byte("victim"))
	for kind, leave := range map[string]func() error{
		"half a file": func() error { return os.WriteFile(leftover, []byte(`{"keys":[{"na`), 0o600) },
		"link":        func() error { return os.Symlink(victim, leftover) },
	} {
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		if _, ok := apikey.NewSet(load(t, path), apikey.EnvKey{}).Authenticate(key.Reveal(), noon()); !ok {
			t.Errorf("%s: the key is lost", kind)
		}
		name := strings.ReplaceAll(kind, " ", "-")
		mustAdd(t, path, name)
		if diff := cmp.Diff([]string{name, "k"}, names(t, path), cmpopts.SortSlices(strings.Compare)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		onlyFile(t, path)
		if err := apikey.Revoke(path, name); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, victim)) != "victim" {
		t.Error("the edit has written through a planted link")
	}
}

func TestFullDiskLeavesTheOldFile(t *testing.T) {
	t.Parallel()
	path := write(t, document(t, entry("k", apikey.Generate(), nil)))
	before := read(t, path)
	out, err := helper(t, "add on a full disk", path, "new").CombinedOutput()
	if err == nil || !strings.Contains(string(out), path+" cannot be replaced: file too large") || strings.Contains(string(out), ".tmp") {
		t.Errorf("got %v, %s", err, out)
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("the file has changed")
	}
	onlyFile(t, path)
}
