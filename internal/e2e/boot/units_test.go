package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// folder is what is installed, seen from this package.
const folder = "../../../deploy/systemd"

// most is the exposure that systemd-analyze security may find, of 10.
const most = 1.5

// TestUnitsAreUnderstood has systemd look for words that it does not know. The programs
// are not installed here, so the units name this test's own binary in their place.
func TestUnitsAreUnderstood(t *testing.T) {
	t.Parallel()
	skip.Unless(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var units []string
	for _, name := range []string{"wol-server.socket", "wol-server.service", "api-server.service"} {
		text := regexp.MustCompile(`(?m)^ExecStart=.*$`).ReplaceAllString(read(t, name), "ExecStart="+self)
		units = append(units, filepath.Join(dir, name))
		write(t, units[len(units)-1], text)
	}
	dropIn := filepath.Join(dir, "wol-server.service.d")
	if err := os.Mkdir(dropIn, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dropIn, "raw.conf"), read(t, "wol-server-raw.conf"))
	if out, err := exec.Command("systemd-analyze", append([]string{"verify"}, units...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUnitsExposeLittle asks systemd what a unit leaves open. It reads no drop-in
// offline, so that of --raw is put behind the unit.
func TestUnitsExposeLittle(t *testing.T) {
	t.Parallel()
	skip.Unless(t, "systemd-analyze", "systemd")
	daemon, gateway := read(t, "wol-server.service"), read(t, "api-server.service")
	for name, text := range map[string]string{
		"wol-server.service":     daemon,
		"api-server.service":     gateway,
		"wol-server-raw.service": daemon + read(t, "wol-server-raw.conf"),
	} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, text)
		out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=15", path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		t.Logf("%s: %.1f", name, exposure(t, string(out)))
	}
}

// TestScripts reads the scripts without running them.
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts := []string{filepath.Join(folder, "install.sh"), filepath.Join(folder, "uninstall.sh")}
	for _, script := range scripts {
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	skip.Unless(t, "shellcheck", "shellcheck")
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// exposure finds the figure in what systemd-analyze security has printed.
func exposure(t *testing.T, said string) float64 {
	t.Helper()
	match := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+) `).FindStringSubmatch(said)
	if match == nil {
		t.Fatalf("no figure in:\n%s", said)
	}
	figure, err := strconv.ParseFloat(match[1], 64)
	if err != nil || figure > most {
		t.Errorf("%s, want at most %.1f (%v)", strings.TrimSpace(match[0]), most, err)
	}
	return figure
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
