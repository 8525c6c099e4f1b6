package keycmd_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/keycmd"
	"wolgate/internal/program"
)

// keys runs a command line of the verb on the file.
func keys(t *testing.T, file string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = keycmd.Run(args, []string{keycmd.Variable + "=" + file}, &out, &errs)
	return out.String(), errs.String(), err
}

func mustRun(t *testing.T, file string, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := keys(t, file, args...)
	if err != nil {
		t.Fatalf("keys %q: %v", args, err)
	}
	return stdout, stderr
}

// TestEdit tells what the key may do now, and changes only what was named.
func TestEdit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	mustRun(t, file, "add", "내 폰", "--target", "aa:bb:cc:dd:ee:ff", "--expires", "90d")
	for _, step := range []struct {
		args []string
		want []string // of the row
	}{
		{[]string{"edit", "내 폰", "--scope", "admin", "--scope", "wake"}, []string{"내 폰", "admin,wake", "aa:bb:cc:dd:ee:ff"}},
		{[]string{"edit", "--target", "02:00:00:00:00:01", "--target", "02:00:00:00:00:02", "내 폰"}, []string{"admin,wake", "02:00:00:00:00:01,02:00:00:00:00:02"}},
		{[]string{"edit", "내 폰", "--no-targets", "--no-expiry"}, []string{"any", "never"}},
		{[]string{"edit", "내 폰", "--name", "phone"}, []string{"phone", "admin,wake", "any", "never"}},
	} {
		stdout, stderr := mustRun(t, file, step.args...)
		listed, _ := mustRun(t, file, "list")
		if stdout != listed || !strings.Contains(stderr, "within a second") {
			t.Errorf("%q says %q%q, and the list %q", step.args, stdout, stderr, listed)
		}
		for _, want := range step.want {
			if !strings.Contains(listed, want) {
				t.Errorf("%q: %s lacks %q", step.args, listed, want)
			}
		}
	}
	for want, args := range map[string][]string{
		"nothing to change":    {"edit", "phone"},
		"omit one":             {"edit", "phone", "--target", "02:00:00:00:00:01", "--no-targets"},
		"--no-expiry are both": {"edit", "phone", "--expires", "90d", "--no-expiry"},
		"no key named tablet":  {"edit", "tablet", "--no-expiry"},
		"name":                 {"edit", "--no-expiry"},
		"not defined: -name":   {"add", "x", "--name", "y"},
	} {
		_, _, err := keys(t, file, args...)
		if _, ok := errors.AsType[program.ConfigError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}

// TestListIsAligned for letters that take two columns, and marks that take none.
func TestListIsAligned(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, name := range []string{"내 폰", "ab", "हिं"} {
		mustRun(t, file, "add", name)
	}
	stdout, _ := mustRun(t, file, "list")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	for i, start := range []string{"NAME   ID ", "내 폰  ", "ab     ", "हिं     "} {
		if len(lines) != 4 || !strings.HasPrefix(lines[i], start) {
			t.Errorf("line %d does not begin with %q:\n%s", i+1, start, stdout)
		}
	}
}

// TestWithoutAFile names the file that was looked for and how another is named.
func TestWithoutAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "my keys.json")
	for _, args := range [][]string{{"list"}, {"revoke", "x"}, {"edit", "x", "--no-expiry"}} {
		_, _, err := keys(t, file, args...)
		for _, want := range []string{file, "--keys or API_KEYS_FILE", "api-server keys add NAME --keys '" + file + "'"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v does not say %q", args, err, want)
			}
		}
	}
}

// TestAnEmptyNameIsTheDefault, in the variable and in the flag.
func TestAnEmptyNameIsTheDefault(t *testing.T) {
	t.Parallel()
	var file string
	if err := keycmd.File(&file)(""); err != nil || file != keycmd.DefaultFile {
		t.Errorf("empty is %q, %v", file, err)
	}
	if _, err := os.Stat(keycmd.DefaultFile); err == nil {
		return // what this machine has is nobody's business
	}
	for _, args := range [][]string{{"list"}, {"list", "--keys="}} {
		if _, _, err := keys(t, "", args...); err == nil || !strings.Contains(err.Error(), keycmd.DefaultFile) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
