package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestAFileSystemWithoutModes has both programs on an NTFS disk: everybody could open a
// socket there, and read a key file. Both are refused, and nothing is left behind.
func TestAFileSystemWithoutModes(t *testing.T) {
	t.Parallel()
	skip.Unless(t, "ntfs-3g", "ntfs-3g")
	dir := filepath.Dir(woltest.SocketPath(t))
	image, disk := filepath.Join(dir, "image"), filepath.Join(dir, "disk")
	const format = `truncate -s 4M "$1" && mkntfs -F -Q -q "$1" >/dev/null 2>&1 && mkdir "$2"`
	if out, err := exec.Command("sh", "-c", format, "sh", image, disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	onDisk := func(command ...string) (code int, said string) {
		t.Helper()
		const mount = `ntfs-3g "$1" "$2" || exit 97; cd "$2"; shift 2; "$@"; code=$?; ls -A; exit $code`
		cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", mount, "sh", image, disk}, command...)...)
		code, stdout, stderr := finish(t, os.Environ(), cmd)
		if code == 97 || strings.HasPrefix(stderr, "unshare: ") {
			skip.Because(t, "cannot mount an image: "+stderr)
		}
		return code, stdout + stderr
	}
	bin := woltest.Build(t)
	for name, tt := range map[string]struct {
		command []string
		want    string
	}{
		"socket":   {[]string{filepath.Join(bin, "wol-server"), "--destinations", "127.255.255.255:40009", "--socket", filepath.Join(disk, "s")}, "mode 0777 instead of 0660"},
		"key file": {[]string{filepath.Join(bin, "api-server"), "keys", "add", "first", "--keys", filepath.Join(disk, "keys.json")}, "keys.json cannot be replaced: it would be open to too many (mode 0777)"},
	} {
		code, said := onDisk(tt.command...)
		if code == 0 || strings.Count(said, "\n") != 1 || !strings.Contains(said, tt.want) || !strings.Contains(said, "FUSE") {
			t.Errorf("%s: exit code %d, want one line that says %q: %s", name, code, tt.want, said)
		}
	}
}
