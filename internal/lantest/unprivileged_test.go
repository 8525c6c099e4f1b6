package lantest_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

func TestUnprivileged(t *testing.T) {
	output, err := lantest.Unprivileged(t, "cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(line, ":")
		got[name] = strings.Join(strings.Fields(value), " ")
	}
	const none = "0000000000000000"
	want := map[string]string{
		"Uid": "0 0 0 0", "Gid": "0 0 0 0", "Groups": got["Groups"],
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1",
	}
	if hasNobody(t) {
		want["Uid"], want["Gid"], want["Groups"] = "65534 65534 65534 65534", "65534 65534 65534 65534", ""
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			delete(got, name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnprivilegedOpensNoPacketSocket(t *testing.T) {
	cmd := lantest.Unprivileged(t, shared(t, "/proc/self/exe"), "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), child+"=packet socket")
	if output, err := cmd.CombinedOutput(); err != nil || !bytes.HasPrefix(output, []byte("socket: operation not permitted\n")) {
		t.Errorf("%v:\n%s", err, output)
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatalf("the test itself may not: %v", err)
	}
	_ = syscall.Close(fd)
}

func TestUnprivilegedPassesTheResultOn(t *testing.T) {
	cmd := lantest.Unprivileged(t, "sh", "-c", `read line; echo "$line $2"; exit 3`, "sh", "-x", "two words")
	cmd.Stdin = strings.NewReader("in\n")
	output, _ := cmd.Output()
	if string(output) != "in two words\n" || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%q, %v", output, cmd.ProcessState)
	}
}

func TestUnprivilegedEndsWithItsParent(t *testing.T) {
	lantest.Unprivileged(t, "true") // Skips here what the child could not.
	endsWithItsParent(t, "wait for a program", syscall.SIGKILL)
}

// TestNobodyNeedsNoRoot runs tests as a user who may map nobody but himself,
// which is what most of those who run them are. Those need no test of it, and
// cannot start one: who is their root may not be mapped without CAP_SETFCAP.
func TestNobodyNeedsNoRoot(t *testing.T) {
	lantest.Require(t)
	if !hasNobody(t) {
		return
	}
	cmd := lantest.Unprivileged(t, shared(t, "/proc/self/exe"), "-test.run=^TestUnprivileged$", "-test.v")
	cmd.Env = append(os.Environ(), "LANTEST_OUTSIDE=", "REQUIRE_ALL=", "SKIPPED_LOG=")
	output, err := cmd.CombinedOutput()
	if bytes.Contains(output, []byte("--- SKIP: TestUnprivileged")) {
		skip.Because(t, string(output))
	}
	if err != nil || !bytes.Contains(output, []byte("--- PASS: TestUnprivileged")) {
		t.Errorf("%v:\n%s", err, output)
	}
}

// TestRootHasNobody would otherwise not be missed: all other tests make do
// without a second user.
func TestRootHasNobody(t *testing.T) {
	lantest.Require(t)
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if outside := strings.Fields(string(ids))[1]; outside == "0" && !hasNobody(t) {
		skip.Because(t, "this root may not map a second user")
	}
}

func TestSharedDir(t *testing.T) {
	var dir string
	t.Run("shared", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir())
		dir = lantest.SharedDir(t)
		if len(dir) > 20 {
			t.Errorf("%s is not short", dir)
		}
		// What others have shut is removed as well.
		if output, err := lantest.Unprivileged(t, "mkdir", "-p", "-m", "0700", dir+"/private/deep").CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, output)
		}
	})
	if _, err := os.Stat(dir); dir != "" && !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// hasNobody reports whether the namespace has a second user to give a file to.
func hasNobody(t *testing.T) bool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.Chown(file, 65534, 65534) == nil
}

// shared returns a copy of a program that everybody may run.
func shared(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join(lantest.SharedDir(t), "program")
	in, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	if err := os.Chmod(path, 0o755); err != nil { // Whatever the umask is.
		t.Fatal(err)
	}
	return path
}
