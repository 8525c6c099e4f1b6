package apikey_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// write puts a key file of mode 0600 into a directory of its own.
func write(tb testing.TB, text []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "keys.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	t.Parallel()
	one, two := apikey.Generate(), apikey.Generate()
	path := write(t, document(t,
		entry("one", one, nil),
		entry("Two.2_-", two, map[string]any{
			"scopes": []string{"admin", "wake"}, "targets": []string{"02-00-00-00-00-0A", "0200.0000.000b"}, "expires": "2027-01-01T00:00:00Z",
		}),
	))
	f, err := apikey.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []apikey.Entry{
		{Name: "one", ID: one.ID(), Scopes: []wol.Action{wol.Wake}, Created: created},
		{
			Name: "Two.2_-", ID: two.ID(), Scopes: []wol.Action{wol.Admin, wol.Wake}, Targets: []wol.MAC{macA(), macB()},
			Created: created, Expires: created.AddDate(1, 0, 0),
		},
	}
	if diff := cmp.Diff(want, f.Entries(), cmpopts.IgnoreUnexported(apikey.Entry{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, expired := range []bool{false, true} {
		if got := f.Entries()[i].Expired(created.AddDate(1, 0, 0)); got != expired {
			t.Errorf("entry %d: expired %v", i+1, got)
		}
	}
}

func TestLoadNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"keys":[]}`, " {\n\"keys\": [ ]\n}\n\n", "\ufeff{\r\n\"keys\": [ ]\r\n}\r\n"} {
		f, err := apikey.Load(write(t, []byte(text)))
		if err != nil || len(f.Entries()) != 0 || apikey.NewSet(f, apikey.EnvKey{}).Len() != 0 {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	t.Parallel()
	for _, path := range []string{filepath.Join(t.TempDir(), "keys.json"), filepath.Join(t.TempDir(), "no", "keys.json")} {
		_, err := apikey.Load(path)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("got %v, want fs.ErrNotExist", err)
		}
		for _, want := range []string{path, "create the first key: api-server keys add NAME --keys " + path} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %q", err, want)
			}
		}
	}
}

func TestParseFileRefuses(t *testing.T) {
	t.Parallel()
	key, other := apikey.Generate(), apikey.Generate()
	with := func(field string, value any) string {
		return string(document(t, entry("first", other, nil), entry("laptop", key, map[string]any{field: value})))
	}
	without := func(field string) string { return with(field, nil) }
	null := func(field string) string {
		return strings.Replace(with(field, "X"), `"`+field+`":"X"`, `"`+field+`":null`, 1)
	}
	good := with("name", "laptop")
	for name, tt := range map[string]struct{ text, want string }{
		"no bytes":          {"", `{"keys":[]}`},
		"blank":             {" \n", `{"keys":[]}`},
		"not JSON":          {"keys:\n", "not JSON at line 1"},
		"line of the fault": {"{\n\"keys\": [\n]]}", "not JSON at line 3"},
		"cut short":         {good[:len(good)-3], "not JSON"},
		"trailing":          {good + "x", "not JSON"},
		"two documents":     {good + good, "not JSON"},
		"deep":              {strings.Repeat("[", 1<<19), "not JSON"},
		"too large":         {good + strings.Repeat(" ", 1<<20), "larger than 1048576 bytes"},
		"null":              {"null", "not a JSON object"},
		"array":             {"[]", "not a JSON object"},
		"no keys":           {"{}", `{"keys":[]}`},
		"null keys":         {`{"keys":null}`, "keys is null"},
		"object keys":       {`{"keys":{}}`, "no list of keys"},
		"unknown field":     {`{"keys":[],"version":1}`, "unknown field version"},
		"other case":        {`{"Keys":[]}`, "unknown field Keys"},
		"keys twice":        {`{"keys":[],"keys":[]}`, "keys is given twice"},
		"null entry":        {`{"keys":[null]}`, "entry 1: not a JSON object"},
		"number entry":      {`{"keys":[7]}`, "entry 1: not a JSON object"},

		"typo":                {with("scope", []string{"wake"}), "entry 2 (laptop): unknown field scope"},
		"field in other case": {with("Targets", []string{}), "entry 2 (laptop): unknown field Targets"},
		"secret as a field":   {with(key.Reveal(), 1), "entry 2 (laptop): unknown field:"},
		"secret kept":         {with("secret", key.Reveal()), "unknown field secret"},
		"targets twice":       {strings.Replace(good, `"scopes"`, `"targets":["02:00:00:00:00:0a"],"targets":["02:00:00:00:00:0b"],"scopes"`, 1), "entry 1 (first): targets is given twice"},
		"duplicate name":      {with("name", "first"), "entry 2 (first): another entry has the same name"},
		"duplicate id":        {with("id", other.ID()), "entry 2 (laptop): another entry has the same id"},
		"no name":             {without("name"), "entry 2: name is not"},
		"empty name":          {with("name", ""), "entry 2: name is not"},
		"spaced name":         {with("name", "my  laptop"), "entry 2: name is not"},
		"dotted name":         {with("name", ".laptop"), "entry 2: name is not"},
		"long name":           {with("name", strings.Repeat("a", 65)), "entry 2: name is not"},
		"newline in name":     {with("name", "laptop\n"), "entry 2: name is not"},
		"name of the env key": {with("name", "env"), "entry 2: name is env"},
		"key for a name":      {with("name", key.Reveal()), "entry 2: name is itself a key"},
		"number for a name":   {with("name", 7), "entry 2: name is a number: write it in quotes"},
		"no id":               {without("id"), "entry 2 (laptop): id is not"},
		"short id":            {with("id", "abc"), "entry 2 (laptop): id is not"},
		"bad id":              {with("id", "abcd-fgh"), "entry 2 (laptop): id is not"},
		"key for an id":       {with("id", key.Reveal()), "entry 2 (laptop): id is not"},
		"no hash":             {without("sha256"), "entry 2 (laptop): sha256 is not"},
		"short hash":          {with("sha256", strings.Repeat("a", 62)), "entry 2 (laptop): sha256 is not"},
		"long hash":           {with("sha256", strings.Repeat("a", 66)), "entry 2 (laptop): sha256 is not"},
		"bad hash":            {with("sha256", strings.Repeat("g", 64)), "entry 2 (laptop): sha256 is not"},
		"key for a hash":      {with("sha256", key.Reveal()), "entry 2 (laptop): sha256 is not"},
		"no scopes":           {without("scopes"), "entry 2 (laptop): there is no scope"},
		"empty scopes":        {with("scopes", []string{}), "entry 2 (laptop): there is no scope"},
		"null scopes":         {null("scopes"), "entry 2 (laptop): scopes is null"},
		"bad scope":           {with("scopes", []string{"wake", "root"}), "entry 2 (laptop): scope 2:"},
		"null scope":          {with("scopes", []any{nil}), "entry 2 (laptop): scope 1:"},
		"text for scopes":     {with("scopes", "wake"), "entry 2 (laptop): scopes is of the wrong type"},
		"empty targets":       {with("targets", []string{}), "entry 2 (laptop): targets is empty"},
		"null targets":        {null("targets"), "entry 2 (laptop): targets is null"},
		"null target":         {with("targets", []any{nil}), "entry 2 (laptop): target 1 is not"},
		"bad target":          {with("targets", []string{macA().String(), "nonsense"}), "entry 2 (laptop): target 2 is not"},
		"group target":        {with("targets", []string{"ff:ff:ff:ff:ff:ff"}), "entry 2 (laptop): target 1 is not"},
		"no created":          {without("created"), "entry 2 (laptop): created is not a time"},
		"local created":       {with("created", "2026-01-01T00:00:00+02:00"), "entry 2 (laptop): created is not a time"},
		"fraction":            {with("created", "2026-01-01T00:00:00.5Z"), "entry 2 (laptop): created is not a time"},
		"date":                {with("expires", "2026-01-01"), "entry 2 (laptop): expires is not a time"},
		"zero time":           {with("expires", "0001-01-01T00:00:00Z"), "entry 2 (laptop): expires is not a time"},
		"30 February":         {with("expires", "2026-02-30T00:00:00Z"), "entry 2 (laptop): expires is not a time"},
		"empty expires":       {with("expires", ""), "entry 2 (laptop): expires is not a time"},
		"null expires":        {null("expires"), "entry 2 (laptop): expires is null"},
		"duration":            {with("expires", 90), "entry 2 (laptop): expires is a number: write it in quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := apikey.ParseFile([]byte(tt.text))
			if err == nil || len(f.Entries()) != 0 {
				t.Fatalf("accepted: %s", tt.text)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if strings.Contains(err.Error(), key.Reveal()[13:21]) {
				t.Errorf("the error shows a secret: %v", err)
			}
			path := write(t, []byte(tt.text))
			if _, err := apikey.Load(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load says %v", err)
			}
		})
	}
}

// TestLoadLooksAtTheMode has two modes that a secret must not have; package files has
// the rest.
func TestLoadLooksAtTheMode(t *testing.T) {
	t.Parallel()
	for mode, cure := range map[os.FileMode]string{0o604: "o-rwx", 0o660: "g-w"} {
		path := write(t, []byte(`{"keys":[]}`))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := apikey.Load(path); err == nil || !strings.Contains(err.Error(), "chmod "+cure+" "+path) {
			t.Errorf("%04o: %v does not name the cure", mode, err)
		}
	}
}

func TestEncodeGolden(t *testing.T) {
	t.Parallel()
	text, err := parse(t, map[string]any{
		"name": "laptop", "id": "abcdefgh", "sha256": strings.Repeat("AB", 32), "scopes": []string{"wake"},
		"targets": []string{"AABB.CCDD.EEFE"}, "created": "2026-01-01T00:00:00Z", "expires": "2026-04-01T00:00:00Z",
	}).Encode()
	want := `{
  "keys": [
    {
      "name": "laptop",
      "id": "abcdefgh",
      "sha256": "` + strings.Repeat("ab", 32) + `",
      "scopes": [
        "wake"
      ],
      "targets": [
        "aa:bb:cc:dd:ee:fe"
      ],
      "created": "2026-01-01T00:00:00Z",
      "expires": "2026-04-01T00:00:00Z"
    }
  ]
}
`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	if text, err := (apikey.File{}).Encode(); err != nil || string(text) != "{\n  \"keys\": []\n}\n" {
		t.Errorf("the empty file is %q, %v", text, err)
	}
}

func FuzzFile(f *testing.F) {
	key := apikey.Generate()
	f.Add(document(f))
	f.Add(document(f, entry("a", key, nil)))
	f.Add(document(f, entry("a", key, map[string]any{"targets": []string{macA().String()}, "expires": "2027-01-01T00:00:00Z"}), entry("b", apikey.Generate(), nil)))
	f.Add([]byte(`{"keys":[{"name":"a","name":"b"}]}`))
	f.Add([]byte(`{"keys":[null]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Add([]byte("{\"keys\":[{\"name\":\"\xff\"}]}"))
	path := filepath.Join(f.TempDir(), "keys.json") // each worker has its own
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := apikey.Load(path)
		if err != nil {
			return
		}
		again, err := file.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := apikey.ParseFile(again)
		if len(again) > 1<<20 { // indentation has made it too large
			return
		}
		if err != nil {
			t.Fatalf("%v in what was encoded:\n%s", err, again)
		}
		if diff := cmp.Diff(file.Entries(), back.Entries(), cmp.AllowUnexported(apikey.Entry{})); diff != "" {
			t.Fatalf("encoded and read back (-want +got):\n%s", diff)
		}
		if third, err := back.Encode(); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("encoding again gives another text (%v)", err)
		}
		if set := apikey.NewSet(file, apikey.EnvKey{}); set.Len() != len(file.Entries()) {
			t.Fatalf("%d entries make a set of %d", len(file.Entries()), set.Len())
		}
	})
}
