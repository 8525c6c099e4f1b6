package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/apiserver"
	"wolgate/internal/wol"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

// TestBadConfigurationStopsTheStart runs the real programs with one fault each.
func TestBadConfigurationStopsTheStart(t *testing.T) {
	t.Parallel()
	bin, dir := woltest.Build(t), filepath.Dir(woltest.SocketPath(t))
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := filepath.Join(dir, "keys.json")
	addKey(t, good, "tester")
	expired := filepath.Join(dir, "expired.json")
	addKey(t, expired, "tester")
	if text, err := os.ReadFile(expired); err != nil || os.WriteFile(expired, bytes.Replace(text, []byte(`"created"`), []byte("\"expires\": \"2020-01-01T00:00:00Z\",\n      \"created\""), 1), 0o600) != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("k3yS", 10)
	for name, tt := range map[string]struct {
		program string
		environ []string
		args    []string
		says    []string
	}{
		"unknown flag":           {"wol-server", nil, []string{"--nonsense"}, []string{"nonsense", "--help"}},
		"unknown verb":           {"wol-server", nil, []string{"dance"}, []string{"dance", "--help"}},
		"stray argument":         {"wol-server", nil, []string{"--port", "9", "dance"}, []string{"dance"}},
		"port":                   {"wol-server", []string{"WOL_PORT=0"}, nil, []string{"WOL_PORT", "1 to 65535"}},
		"destination":            {"wol-server", nil, []string{"--destinations", "nas.local"}, []string{"--destinations", "nas.local", "192.168.1.255:9"}},
		"interfaces":             {"wol-server", nil, []string{"--interfaces", "eth0,,eth1"}, []string{"--interfaces"}},
		"repeat":                 {"wol-server", nil, []string{"--repeat", "0"}, []string{"--repeat", "1 to 20"}},
		"uids":                   {"wol-server", nil, []string{"--allow-uids", "65534"}, []string{"--allow-uids", "65534"}},
		"allow missing":          {"wol-server", nil, []string{"--allow", filepath.Join(dir, "none")}, []string{"--allow", "no such file"}},
		"allow too large":        {"wol-server", nil, []string{"--allow", write("huge", strings.Repeat("#\n", 1<<20))}, []string{"--allow", "one MAC a line"}},
		"uid of nobody at all":   {"wol-server", nil, []string{"--allow-uids", "4294967295"}, []string{"--allow-uids", "no user"}},
		"allow broken":           {"wol-server", nil, []string{"--allow", write("allow", "aa:bb:cc:dd:ee:ff\nx\n")}, []string{"--allow", "line 2"}},
		"socket is a file":       {"wol-server", nil, []string{"--socket", write("file", "precious")}, []string{"not a socket", "--socket"}},
		"socket path too long":   {"wol-server", nil, []string{"--socket", "/tmp/" + strings.Repeat("x", 200)}, []string{"too long", "107"}},
		"log level":              {"wol-server", []string{"WOL_LOG_LEVEL=loud"}, nil, []string{"WOL_LOG_LEVEL", "debug"}},
		"no key":                 {"api-server", nil, []string{"--keys", filepath.Join(dir, "none.json")}, []string{"keys add"}},
		"key file broken":        {"api-server", nil, []string{"--keys", write("broken.json", `{"keys":[`)}, []string{"broken.json"}},
		"only expired keys":      {"api-server", nil, []string{"--keys", expired}, []string{"keys add"}},
		"key in env too short":   {"api-server", []string{"API_KEY=short"}, nil, []string{"API_KEY", "24 characters"}},
		"placeholder":            {"api-server", []string{"API_KEY=changeme-changeme-changeme-123"}, nil, []string{"API_KEY", "placeholder"}},
		"two env keys":           {"api-server", []string{"API_KEY=" + key, "API_KEY_FILE=/x"}, nil, []string{"API_KEY", "API_KEY_FILE"}},
		"env key file missing":   {"api-server", []string{"API_KEY_FILE=" + filepath.Join(dir, "none")}, nil, []string{"API_KEY_FILE", "no such file"}},
		"trust everybody":        {"api-server", []string{"API_TRUSTED_PROXIES=0.0.0.0/0"}, []string{"--keys", good}, []string{"API_TRUSTED_PROXIES", "everybody"}},
		"trust a zone":           {"api-server", nil, []string{"--keys", good, "--trusted-proxies", "fe80::1%eth0/64"}, []string{"--trusted-proxies", "172.18.0.0/16"}},
		"trust everybody, IPv6":  {"api-server", nil, []string{"--keys", good, "--trusted-proxies", "::/0"}, []string{"--trusted-proxies", "everybody"}},
		"origin":                 {"api-server", nil, []string{"--keys", good, "--cors-origins", "*"}, []string{"--cors-origins", "https://"}},
		"rate":                   {"api-server", nil, []string{"--keys", good, "--rate", "fast"}, []string{"--rate", "60/min"}},
		"listen":                 {"api-server", nil, []string{"--keys", good, "--listen", "8080"}, []string{"--listen", ":8080"}},
		"timeout":                {"api-server", nil, []string{"--keys", good, "--timeout", "5"}, []string{"--timeout", "5s"}},
		"keys verb":              {"api-server", nil, []string{"keys", "dance", "--keys", good}, []string{"dance", "keys --help"}},
		"keys list, a name":      {"api-server", nil, []string{"keys", "list", "tester", "--keys", good}, []string{"tester", "keys --help"}},
		"keys list, an option":   {"api-server", nil, []string{"keys", "list", "--expires", "90d", "--keys", good}, []string{"expires", "keys --help"}},
		"keys revoke, an option": {"api-server", nil, []string{"keys", "revoke", "tester", "--target", someMAC, "--keys", good}, []string{"target", "keys --help"}},
		"gateway socket empty":   {"api-server", []string{"API_WOL_SOCKET="}, []string{"--keys", good}, []string{"API_WOL_SOCKET", "empty"}},
		"gateway socket long":    {"api-server", nil, []string{"--keys", good, "--wol-socket", "/tmp/" + strings.Repeat("x", 200)}, []string{"--wol-socket", "107"}},
		"keys add twice":         {"api-server", nil, []string{"keys", "add", "tester", "--keys", good}, []string{"tester"}},
		"keys add scope":         {"api-server", nil, []string{"keys", "add", "x", "--scope", "root", "--keys", good}, []string{"scope", "wake"}},
		"keys add target":        {"api-server", nil, []string{"keys", "add", "x", "--target", "nonsense", "--keys", good}, []string{"target", "aa:bb:cc:dd:ee:ff"}},
		"keys add nameless":      {"api-server", nil, []string{"keys", "add", "--keys", good}, []string{"name"}},
		"keys add expiry":        {"api-server", nil, []string{"keys", "add", "x", "--expires", "soon", "--keys", good}, []string{"expires", "90d"}},
		"keys revoke unknown":    {"api-server", nil, []string{"keys", "revoke", "nobody", "--keys", good}, []string{"nobody", "keys list"}},
		"keys add, broken file":  {"api-server", nil, []string{"keys", "add", "x", "--keys", filepath.Join(dir, "broken.json")}, []string{"broken.json"}},
		"keys list, broken file": {"api-server", nil, []string{"keys", "list", "--keys", filepath.Join(dir, "broken.json")}, []string{"broken.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := append([]string{"WOL_SOCKET=" + filepath.Join(t.TempDir(), "s"), "API_OPS_LISTEN="}, tt.environ...)
			code, stdout, stderr := run(t, environ, filepath.Join(bin, tt.program), tt.args...)
			if code != 78 {
				t.Errorf("exit code %d, want 78; it said %q", code, stderr)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, tt.program+": ") || stdout != "" {
				t.Errorf("not one plain line: %q %q", stderr, stdout)
			}
			for _, word := range tt.says {
				if !strings.Contains(stderr, word) {
					t.Errorf("%q does not say %q", stderr, word)
				}
			}
			for _, secret := range []string{key, "changeme"} {
				if strings.Contains(stderr, secret) {
					t.Errorf("the line shows a key: %q", stderr)
				}
			}
		})
	}
	t.Cleanup(func() { // after the parallel cases
		for name, want := range map[string]string{"file": "precious", "broken.json": `{"keys":[`} {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
				t.Errorf("%s was touched: %q, %v", name, got, err)
			}
		}
	})
}

func TestUnknownVariableIsOnlyWarnedAbout(t *testing.T) {
	t.Parallel()
	bin, dir := woltest.Build(t), filepath.Dir(woltest.SocketPath(t))
	code, stdout, stderr := run(t, []string{"WOL_SERVER_PORT=tcp://10.0.0.1:9"}, filepath.Join(bin, "wol-server"), "healthcheck", "--socket", filepath.Join(dir, "s"))
	if code != 1 || !strings.Contains(stderr, "no wol-server answers") {
		t.Errorf("exit code %d, %q %q", code, stdout, stderr)
	}
	c, warnings, err := wolserver.Load(nil, []string{"WOL_SERVER_PORT=tcp://10.0.0.1:9"})
	if err != nil || len(warnings) != 1 || c.Socket == "" {
		t.Errorf("%v, warnings %q", err, warnings)
	}
}

// TestKeysFollowTheirFile changes the key file under a running gateway.
func TestKeysFollowTheirFile(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	first := st.key

	st.key = addKey(t, st.keys, "second", "--target", someMAC)
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	r.Next(t)
	if a := st.wake(t, "02:00:00:00:00:01"); a.problem(t).Code != wol.Forbidden {
		t.Errorf("a target that the key does not allow: status %d", a.status)
	}
	if a := st.ask(t, http.MethodGet, "/api/v1/interfaces", ""); a.problem(t).Code != wol.Forbidden {
		t.Errorf("a scope that the key does not have: status %d", a.status)
	}

	content, err := os.ReadFile(st.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(st.keys, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	st.gateway.log.wait(t, "msg", "keys not reloaded, the old ones stay valid")
	for _, key := range []string{first, st.key} {
		st.key = key
		st.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	if err := os.WriteFile(st.keys, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := apiserver.Main(t.Context(), []string{"keys", "revoke", "second", "--keys", st.keys}, nil, io.Discard, io.Discard); code != 0 {
		t.Fatalf("keys revoke: exit %d", code)
	}
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusUnauthorized })
	st.key = first
	st.wake(t, someMAC).receipt(t)

	// A file that cannot be read is read as soon as its mode is mended, which
	// changes neither its content nor its time of modification.
	st.key = addKey(t, st.keys, "third")
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	if err := os.Chmod(st.keys, 0o604); err != nil {
		t.Fatal(err)
	}
	st.gateway.log.wait(t, "msg", "keys not reloaded, the old ones stay valid")
	content, err = os.ReadFile(st.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(st.keys, bytes.Replace(content, []byte(`"third"`), []byte(`"other"`), 1), 0o604); err != nil {
		t.Fatal(err)
	}
	st.wake(t, someMAC).receipt(t)
	if err := os.Chmod(st.keys, 0o600); err != nil {
		t.Fatal(err)
	}
	st.wakeUntil(t, func(answer) bool {
		return strings.Contains(st.gateway.log.String(), `"key":"other"`)
	})
}
