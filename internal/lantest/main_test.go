package lantest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/lantest"
)

// child names what TestChild does in a process that a test has started.
const child = "LANTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "without Main" {
		os.Exit(m.Run())
	}
	lantest.Main(m)
}

func TestChild(t *testing.T) {
	switch os.Getenv(child) {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("in the child")
	case "without Main", "require":
		lantest.Require(t)
		fmt.Println("inside")
	}
}

// start returns a command that runs TestChild as if from outside.
func start(job string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(append(os.Environ(), "LANTEST_OUTSIDE=", "REQUIRE_ALL=", "SKIPPED_LOG=", child+"="+job), env...)
	return cmd
}

// TestMainPassesTheResultOn: a failure inside is a failure outside.
func TestMainPassesTheResultOn(t *testing.T) {
	lantest.Require(t)
	for job, want := range map[string]struct {
		status int
		output string
	}{
		"require": {0, "inside"},
		"exit":    {3, "=== RUN   TestChild"},
		"panic":   {2, "panic: in the child"},
	} {
		cmd := start(job)
		output, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want.status || !strings.Contains(string(output), want.output) {
			t.Errorf("%s: status %d, want %d and %q:\n%s", job, got, want.status, want.output, output)
		}
	}
}

// TestRequireSkipsOutside holds the network rule: a test that sends runs only in a
// network that the tests made, whatever the environment claims.
func TestRequireSkipsOutside(t *testing.T) {
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"", here} {
		log := filepath.Join(t.TempDir(), "skipped")
		output, err := start("without Main", "LANTEST_OUTSIDE="+outside, "SKIPPED_LOG="+log).CombinedOutput()
		recorded, _ := os.ReadFile(log)
		if err != nil || !bytes.Contains(output, []byte("--- SKIP: TestChild")) || !bytes.Contains(recorded, []byte("does not call lantest.Main")) {
			t.Errorf("%q: %v, recorded %q:\n%s", outside, err, recorded, output)
		}
		output, err = start("without Main", "LANTEST_OUTSIDE="+outside, "REQUIRE_ALL=1").CombinedOutput()
		if err == nil || bytes.Contains(output, []byte("inside")) {
			t.Errorf("%q, all required: %v\n%s", outside, err, output)
		}
	}
}
