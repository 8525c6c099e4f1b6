package docscheck

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/woltest"
)

const someMAC = "aa:bb:cc:dd:ee:ff"

// TestBadConfigurationStopsTheStart has one fault each, in what no single setting knows:
// in the files that they name, in the verbs, and in settings that exclude each other.
func TestBadConfigurationStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(woltest.SocketPath(t))
	writeAs := func(mode os.FileMode, name, text string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write := func(name, text string) string { return writeAs(0o600, name, text) }
	good := filepath.Join(dir, "keys.json")
	if code, _, stderr := programs()["api-server"].run(t, nil, "keys", "add", "tester", "--keys", good); code != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("k3yS", 10)
	keyAs := func(mode os.FileMode) []string {
		return []string{"API_KEY_FILE=" + writeAs(mode, fmt.Sprintf("key%o", mode), key)}
	}
	for name, tt := range map[string]struct {
		program string
		environ []string
		args    []string
		says    []string
	}{
		"unknown flag":                     {"wol-server", nil, []string{"--nonsense"}, []string{"nonsense", "--help"}},
		"stray argument":                   {"wol-server", nil, []string{"--port", "9", "dance"}, []string{"dance"}},
		"destination":                      {"wol-server", nil, []string{"--destinations", "nas.local"}, []string{"--destinations", "nas.local", "192.168.1.255:9"}},
		"allow too large":                  {"wol-server", nil, []string{"--allow", write("huge", strings.Repeat("#\n", 1<<20))}, []string{"--allow", "one MAC a line"}},
		"uid of nobody at all":             {"wol-server", nil, []string{"--allow-uids", "4294967295"}, []string{"--allow-uids", "no user"}},
		"allow broken":                     {"wol-server", nil, []string{"--allow", write("allow", "aa:bb:cc:dd:ee:ff\nx\n")}, []string{"--allow", "line 2"}},
		"socket is a file":                 {"wol-server", nil, []string{"--socket", write("file", "precious")}, []string{"not a socket", "--socket"}},
		"key file without a key":           {"api-server", nil, []string{"--keys", write("empty.json", `{"keys":[]}`)}, []string{"keys add"}},
		"key file broken":                  {"api-server", nil, []string{"--keys", write("broken.json", `{"keys":[`)}, []string{"broken.json"}},
		"key in env too short":             {"api-server", []string{"API_KEY=short"}, nil, []string{"API_KEY", "24 characters"}},
		"placeholder":                      {"api-server", []string{"API_KEY=changeme-changeme-changeme-123"}, nil, []string{"API_KEY", "placeholder"}},
		"two env keys":                     {"api-server", []string{"API_KEY=" + key, "API_KEY_FILE=/x"}, nil, []string{"API_KEY", "API_KEY_FILE"}},
		"env key file broken":              {"api-server", []string{"API_KEY_FILE=" + write("short", "short")}, nil, []string{"API_KEY_FILE", "24 characters"}},
		"key file is UTF-16":               {"api-server", nil, []string{"--keys", write("utf16.json", "\xff\xfe{\x00}\x00")}, []string{"utf16.json", "UTF-8"}},
		"allow is UTF-16":                  {"wol-server", nil, []string{"--allow", write("utf16", "\xff\xfea\x00")}, []string{"--allow", "UTF-8"}},
		"trust everybody":                  {"api-server", []string{"API_TRUSTED_PROXIES=0.0.0.0/0"}, []string{"--keys", good}, []string{"API_TRUSTED_PROXIES", "everybody"}},
		"trust a zone":                     {"api-server", nil, []string{"--keys", good, "--trusted-proxies", "fe80::1%eth0/64"}, []string{"--trusted-proxies", "172.18.0.0/16"}},
		"keys add, quotes":                 {"api-server", []string{`API_KEYS_FILE="` + good + `"`}, []string{"keys", "add", "x"}, []string{"API_KEYS_FILE is in quotes"}},
		"env key in quotes":                {"api-server", []string{`API_KEY="` + key + `"`}, nil, []string{"API_KEY is in quotes"}},
		"interfaces in quotes":             {"wol-server", []string{`WOL_EXCLUDE_INTERFACES="docker*,lan0"`}, nil, []string{"WOL_EXCLUDE_INTERFACES is in quotes"}},
		"keys verb":                        {"api-server", nil, []string{"keys", "dance", "--keys", good}, []string{"dance", "keys --help"}},
		"keys list, a name":                {"api-server", nil, []string{"keys", "list", "tester", "--keys", good}, []string{"tester", "keys --help"}},
		"keys list, an option":             {"api-server", nil, []string{"keys", "list", "--expires", "90d", "--keys", good}, []string{"expires", "keys --help"}},
		"keys revoke, an option":           {"api-server", nil, []string{"keys", "revoke", "tester", "--target", someMAC, "--keys", good}, []string{"target", "keys --help"}},
		"gateway socket empty":             {"api-server", []string{"API_WOL_SOCKET="}, []string{"--keys", good}, []string{"API_WOL_SOCKET", "empty"}},
		"keys add twice":                   {"api-server", nil, []string{"keys", "add", "tester", "--keys", good}, []string{"tester"}},
		"keys add scope":                   {"api-server", nil, []string{"keys", "add", "x", "--scope", "root", "--keys", good}, []string{"scope", "wake"}},
		"keys add target":                  {"api-server", nil, []string{"keys", "add", "x", "--target", "nonsense", "--keys", good}, []string{"target", "aa:bb:cc:dd:ee:ff"}},
		"keys add nameless":                {"api-server", nil, []string{"keys", "add", "--keys", good}, []string{"name"}},
		"keys add expiry":                  {"api-server", nil, []string{"keys", "add", "x", "--expires", "soon", "--keys", good}, []string{"expires", "90d"}},
		"keys revoke unknown":              {"api-server", nil, []string{"keys", "revoke", "nobody", "--keys", good}, []string{"nobody", "keys list"}},
		"keys add, broken file":            {"api-server", nil, []string{"keys", "add", "x", "--keys", filepath.Join(dir, "broken.json")}, []string{"broken.json"}},
		"keys list, broken file":           {"api-server", nil, []string{"keys", "list", "--keys", filepath.Join(dir, "broken.json")}, []string{"broken.json"}},
		"key file of everybody":            {"api-server", keyAs(0o644), nil, []string{"chmod o-rwx " + dir}},
		"key file that everybody may read": {"api-server", keyAs(0o444), nil, []string{"chmod o-rwx " + dir}},
		"key file that a group may write":  {"api-server", keyAs(0o660), nil, []string{"chmod g-w " + dir}},
		"key file of no care":              {"api-server", keyAs(0o666), nil, []string{"chmod g-w,o-rwx " + dir}},
		"keys of everybody":                {"api-server", nil, []string{"--keys", writeAs(0o644, "keys644", string(text))}, []string{"chmod o-rwx " + dir}},
		"keys that a group may write":      {"api-server", nil, []string{"--keys", writeAs(0o660, "keys660", string(text))}, []string{"chmod g-w " + dir}},
		"targets that everybody may add":   {"wol-server", nil, []string{"--allow", writeAs(0o646, "allow646", someMAC)}, []string{"chmod o-w " + dir}},
	} {
		environ := append([]string{"WOL_SOCKET=" + filepath.Join(dir, "s"), "API_OPS_LISTEN="}, tt.environ...)
		code, stdout, stderr := programs()[tt.program].run(t, environ, tt.args...)
		if code != 78 || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, tt.program+": ") || stdout != "" {
			t.Errorf("%s: exit code %d, want 78 and one plain line: %q %q", name, code, stderr, stdout)
		}
		for _, word := range tt.says {
			if !strings.Contains(stderr, word) {
				t.Errorf("%s: %q does not say %q", name, stderr, word)
			}
		}
		if strings.Contains(stderr, key) || strings.Contains(stderr, "changeme") {
			t.Errorf("%s: the line shows a key: %q", name, stderr)
		}
	}
	for name, want := range map[string]string{"file": "precious", "broken.json": `{"keys":[`, "keys.json": string(text)} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s was touched: %q, %v", name, got, err)
		}
	}
}

// TestWhatTimeCuresEndsWithCodeOne has what may be otherwise at the next start, which
// systemd does not try after code 78: a file system that is mounted late, and a clock that
// is wrong until the network is up.
func TestWhatTimeCuresEndsWithCodeOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(woltest.SocketPath(t))
	good, late, expired := filepath.Join(dir, "keys.json"), filepath.Join(dir, "late"), filepath.Join(dir, "expired.json")
	if code, _, stderr := programs()["api-server"].run(t, nil, "keys", "add", "tester", "--keys", good); code != 0 {
		t.Fatal(stderr)
	}
	text, err := os.ReadFile(good)
	if err == nil {
		err = os.WriteFile(expired, []byte(strings.Replace(string(text), `"created"`, "\"expires\": \"2020-01-01T00:00:00Z\",\n      \"created\"", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		program string
		environ []string
		args    []string
		says    []string
	}{
		"key file":          {"api-server", nil, []string{"--keys", late}, []string{late, "keys add"}},
		"API_KEY_FILE":      {"api-server", []string{"API_KEY_FILE=" + late}, []string{"--keys", good}, []string{"API_KEY_FILE", late, "create"}},
		"only expired keys": {"api-server", nil, []string{"--keys", expired}, []string{"expired", "clock", "keys add"}},
		"allow-list":        {"wol-server", nil, []string{"--allow", late}, []string{"--allow", late, "one MAC a line"}},
	} {
		environ := append([]string{"WOL_SOCKET=" + filepath.Join(dir, "s"), "API_OPS_LISTEN="}, tt.environ...)
		code, _, stderr := programs()[tt.program].run(t, environ, tt.args...)
		if code != 1 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, want 1 and one line: %q", name, code, stderr)
		}
		for _, word := range tt.says {
			if !strings.Contains(stderr, word) {
				t.Errorf("%s: %q does not say %q", name, stderr, word)
			}
		}
	}
}
