package apikey_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/apikey"
	"wolgate/internal/skip"
)

// TestRevokeOnADiskThatRefuses says that the key works on, why, and what to do. It names
// no file that the user has never seen.
func TestRevokeOnADiskThatRefuses(t *testing.T) {
	t.Parallel()
	unshare := func(args ...string) *exec.Cmd {
		return exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "sh", "-c"}, args...)...)
	}
	if out, err := unshare("exit 0").CombinedOutput(); err != nil {
		skip.Because(t, fmt.Sprintf("cannot make a mount namespace: %v: %s", err, out))
	}
	for name, tt := range map[string]struct{ mount, want string }{
		"read-only": {`mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"`, "read-only file system: mount it read-write"},
		"full":      {`exec 3<"$2"; mount -t tmpfs -o nr_inodes=3 t "$1" && umask 077 && cat <&3 >"$2" && : >"$1/last"`, "no space left on device: make room"},
		"mounted":   {`mount --bind "$2" "$2"`, "device or resource busy: the file is mounted by itself: mount its directory instead"},
	} {
		path := write(t, document(t, entry("laptop", apikey.Generate(), nil)))
		cmd := unshare(tt.mount+` || exit 97; exec "$0"`, os.Args[0], filepath.Dir(path), path)
		cmd.Env = append(os.Environ(), "APIKEY_HELPER=revoke", "APIKEY_PATH="+path, "APIKEY_NAME=laptop")
		out, err := cmd.CombinedOutput()
		want := "key laptop is not revoked, and as valid as before: key file " + path + " cannot be replaced: " + tt.want
		if err == nil || !strings.HasPrefix(string(out), want) || strings.Contains(string(out), ".tmp") {
			t.Errorf("%s: %v\ngot  %swant %s", name, err, out, want)
		}
		onlyFile(t, path)
	}
}

// TestALockThatIsRefused is given the answer of the kernel, because no test can count on
// a server that refuses locks.
func TestALockThatIsRefused(t *testing.T) {
	t.Parallel()
	err := apikey.Unlockable("/share", 0x6969, syscall.EBADF)
	want := "directory /share cannot be locked on NFS: bad file descriptor: run api-server keys on the host that has the disk, or keep the keys on a disk of this host"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
