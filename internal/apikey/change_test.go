package apikey_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// TestEditKeepsTheSecret changes one thing after the other, and the key stays the same.
func TestEditKeepsTheSecret(t *testing.T) {
	t.Parallel()
	path := write(t, document(t))
	mustAdd(t, path, "other")
	key, err := apikey.Add(path, "laptop", []wol.Action{wol.Wake}, []wol.MAC{macA()}, noon().Add(time.Hour), noon())
	if err != nil {
		t.Fatal(err)
	}
	want := load(t, path).Entries()[1]
	later := noon().Add(48 * time.Hour)
	for _, step := range []struct {
		what   string
		change apikey.Change
		expect func()
	}{
		{"scopes", apikey.Change{Scopes: []wol.Action{wol.Wake, wol.Admin, wol.Wake}}, func() { want.Scopes = []wol.Action{wol.Admin, wol.Wake} }},
		{"targets", apikey.Change{Targets: []wol.MAC{macB(), macA()}}, func() { want.Targets = []wol.MAC{macA(), macB()} }},
		{"every target", apikey.Change{EveryTarget: true}, func() { want.Targets = nil }},
		{"end, of a key that has expired", apikey.Change{Expires: later}, func() { want.Expires = later }},
		{"no end", apikey.Change{NoExpiry: true}, func() { want.Expires = time.Time{} }},
		{"name", apikey.Change{Name: "내 폰"}, func() { want.Name = "내 폰" }},
		{"own name", apikey.Change{Name: "내 폰"}, func() {}},
	} {
		name := want.Name
		step.expect()
		got, err := apikey.Edit(path, name, step.change, noon().Add(2*time.Hour))
		entries := load(t, path).Entries()
		if err != nil || len(entries) != 2 || entries[0].Name != "other" {
			t.Fatalf("%s: %v, %v", step.what, err, entries)
		}
		for from, e := range map[string]apikey.Entry{"returned": got, "in the file": entries[1]} {
			if diff := cmp.Diff(want, e, cmpopts.IgnoreUnexported(apikey.Entry{})); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", step.what, from, diff)
			}
		}
	}
	if caller, ok := apikey.NewSet(load(t, path), apikey.EnvKey{}).Authenticate(key.Reveal(), noon()); !ok || caller.Name != "내 폰" {
		t.Errorf("the key is now of %+v, %v", caller, ok)
	}

	before, past := read(t, path), noon().Add(-time.Hour)
	for want, change := range map[string]apikey.Change{
		"has a key named other already": {Name: "other"},
		"name is not":                   {Name: "-x"},
		"nothing to change":             {},
		"expired already":               {Expires: past},
		"target 1":                      {Targets: []wol.MAC{{}}},
	} {
		if _, err := apikey.Edit(path, "내 폰", change, noon()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "as valid as") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := apikey.Edit(path, "nobody", apikey.Change{Name: "x"}, noon()); err == nil || !strings.Contains(err.Error(), "no key named nobody") {
		t.Errorf("an unknown key: %v", err)
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("a refused edit has changed the file")
	}
}
