package woltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programsVariable names the folder of the programs; make test sets it for all packages.
const programsVariable = "TEST_PROGRAMS"

// WithPrograms runs the tests with a folder for Build, which it removes afterwards. Call
// it in TestMain, outside of lantest.Run: other users may enter the folder.
func WithPrograms(run func() int) (status int) {
	if os.Getenv(programsVariable) != "" {
		return run()
	}
	// In /tmp, because TMPDIR may be one user's own.
	dir, err := os.MkdirTemp("/tmp", "wolgate")
	defer os.RemoveAll(dir)
	if err := errors.Join(err, os.Chmod(dir, 0o755), os.Setenv(programsVariable, dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// Build returns the folder of both programs, as users get them. They are built once for
// all tests of a process, or of make test.
func Build(t testing.TB) (dir string) {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var built = sync.OnceValues(func() (dir string, err error) {
	dir = os.Getenv(programsVariable)
	if dir == "" {
		return "", errors.New("TestMain does not call woltest.WithPrograms")
	}
	if _, err := os.Stat(filepath.Join(dir, "api-server")); err == nil {
		return dir, nil
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", dir, "wolgate/cmd/wol-server", "wolgate/cmd/api-server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as in images
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir, nil
})
