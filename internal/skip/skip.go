package skip

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Because skips the calling test, or fails it where REQUIRE_ALL=1 says that
// this machine has to be able to run everything.
//
// A skipped test is also added to the file that SKIPPED_LOG names, as a line
// "SKIPPED name: reason", because go test shows skips only with -v. The name
// must be absolute: go test starts every package's tests in another directory.
func Because(t testing.TB, reason string) {
	t.Helper()
	reason = strings.Join(strings.Fields(reason), " ") // One skip is one line.
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatalf("REQUIRE_ALL=1 allows no skip: %s", reason)
	}
	if path := os.Getenv("SKIPPED_LOG"); path != "" {
		if err := record(path, fmt.Sprintf("SKIPPED %s: %s\n", t.Name(), reason)); err != nil {
			t.Fatalf("record a skip in SKIPPED_LOG: %v", err)
		}
	}
	t.Skip(reason)
}

// Unless skips the calling test where a program is missing, and says which Debian
// package has it. Otherwise it returns the program's path.
func Unless(t testing.TB, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Because(t, program+" is not installed: apt-get install "+debian)
	}
	return path
}

// record appends line in a single write: packages are tested at the same time,
// and O_APPEND keeps their lines whole.
func record(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
