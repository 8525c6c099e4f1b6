package woltest

import (
	"os"
	"path/filepath"
	"testing"
)

// SocketPath returns a path for a Unix socket in a directory of the test's own.
// t.TempDir is too long for it: sun_path holds 107 bytes (unix(7)).
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
