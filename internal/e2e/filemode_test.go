package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/woltest"
)

// TestFileModes starts the real programs with each file that the configuration
// may name, as an operator could have left it.
func TestFileModes(t *testing.T) {
	t.Parallel()
	bin, r := woltest.Build(t), woltest.Listen(t)
	const key = "Vb3tqz9-LmX0_rYw7Kc2fHs8Nd"
	for name, tt := range map[string]struct {
		file string // key, keys or allow
		mode fs.FileMode
		cure string // empty = it starts
	}{
		"key file of everybody":            {"key", 0o644, "o-rwx"},
		"key file that everybody may read": {"key", 0o444, "o-rwx"},
		"key file that a group may write":  {"key", 0o660, "g-w"},
		"key file of no care":              {"key", 0o666, "g-w,o-rwx"},
		"mounted secret":                   {"key", 0o440, ""},
		"own secret":                       {"key", 0o400, ""},
		"keys of everybody":                {"keys", 0o644, "o-rwx"},
		"keys that a group may write":      {"keys", 0o660, "g-w"},
		"mounted keys":                     {"keys", 0o440, ""},
		"targets that everybody may add":   {"allow", 0o646, "o-w"},
		"targets that a group may add":     {"allow", 0o664, ""},
		"targets that everybody may read":  {"allow", 0o444, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := woltest.SocketPath(t)
			path, keys := filepath.Join(t.TempDir(), tt.file), filepath.Join(t.TempDir(), "keys.json")
			program, environ, flags := "api-server", "API_OPS_LISTEN=", gatewayFlags(socket, keys)
			switch tt.file {
			case "key":
				environ = "API_KEY_FILE=" + path
				put(t, path, key)
			case "keys":
				flags = gatewayFlags(socket, path)
				addKey(t, path, "tester")
			case "allow":
				program, flags = "wol-server", append(loopback(r), "--socket", socket, "--allow", path)
				put(t, path, someMAC)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			if tt.cure == "" {
				p := spawn(t, "env", append([]string{environ, filepath.Join(bin, program)}, flags...)...)
				p.log.wait(t, "msg", "listening")
				return
			}
			code, stdout, stderr := run(t, []string{environ}, filepath.Join(bin, program), flags...)
			if code != 78 || stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, want 78; it said %q %q", code, stderr, stdout)
			}
			if !strings.Contains(stderr, "chmod "+tt.cure+" "+path) || strings.Contains(stderr, "readable") {
				t.Errorf("%q does not name the one cure, chmod %s", stderr, tt.cure)
			}
			if strings.Contains(stderr, key) || strings.Contains(stderr, someMAC) {
				t.Errorf("%q quotes the file", stderr)
			}
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
