package lantest

import (
	"os"
	"testing"
)

// SharedDir returns a directory that every user may enter and write to, which
// t.TempDir is not, and removes it when the test ends. It is in /tmp, because
// TMPDIR may be one user's own, and because a path to a Unix socket in it has to
// be short: sun_path holds 107 bytes (unix(7)).
func SharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "lan")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove what was shared: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o777); err != nil { // MkdirTemp makes it 0700.
		t.Fatal(err)
	}
	return dir
}
