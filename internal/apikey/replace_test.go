package apikey_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/apikey"
)

func stat(t *testing.T, path string) (os.FileMode, *syscall.Stat_t) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode(), info.Sys().(*syscall.Stat_t)
}

func TestModeIsKept(t *testing.T) {
	t.Parallel()
	for _, mode := range []os.FileMode{0o600, 0o640, 0o440, 0o400} {
		path := write(t, document(t, entry("k", apikey.Generate(), nil)))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, path, "new")
		if got, _ := stat(t, path); got != mode {
			t.Errorf("%04o became %v after Add", mode, got)
		}
		if err := apikey.Revoke(path, "k"); err != nil {
			t.Fatal(err)
		}
		if got, _ := stat(t, path); got != mode {
			t.Errorf("%04o became %v after Revoke", mode, got)
		}
	}
}

func TestNewFileAndDirectory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "api-server", "keys.json")
	mustAdd(t, path, "k")
	if mode, _ := stat(t, path); mode != 0o600 {
		t.Errorf("the file has mode %v", mode)
	}
	if mode, _ := stat(t, filepath.Dir(path)); mode.Perm()&^0o750 != 0 || mode.Perm()&0o700 != 0o700 {
		t.Errorf("the directory has mode %v", mode)
	}
	deep := filepath.Join(root, "no", "such", "keys.json")
	if _, err := add(deep, "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("two missing directories: %v", err)
	}
	if err := apikey.Revoke(filepath.Join(root, "none", "keys.json"), "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("revoking in a missing directory: %v", err)
	}
	if err := apikey.Revoke(filepath.Join(root, "none.json"), "k"); err == nil {
		t.Error("revoked a key of a missing file")
	}
	onlyFile(t, filepath.Join(root, "api-server"))
	onlyFile(t, path)
}

// Root gives a new file to the owner of its directory and keeps the owner of an
// old one. Anybody else makes files of his own.
func TestOwner(t *testing.T) {
	t.Parallel()
	const service = 12345
	path := filepath.Join(t.TempDir(), "keys.json")
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	if uid == 0 {
		uid, gid = service, service+1
		if err := os.Chown(filepath.Dir(path), service, service+1); err != nil {
			t.Fatal(err)
		}
	}
	mustAdd(t, path, "new")
	if _, s := stat(t, path); s.Uid != uid || s.Gid != gid {
		t.Errorf("a new file belongs to %d:%d, want %d:%d", s.Uid, s.Gid, uid, gid)
	}
	if uid == service {
		uid, gid = service+2, service+3
		if err := os.Chown(path, service+2, service+3); err != nil {
			t.Fatal(err)
		}
	}
	mustAdd(t, path, "again")
	if _, s := stat(t, path); s.Uid != uid || s.Gid != gid {
		t.Errorf("an old file now belongs to %d:%d, want %d:%d", s.Uid, s.Gid, uid, gid)
	}
}

func TestLinkStaysALink(t *testing.T) {
	t.Parallel()
	path := write(t, document(t, entry("k", apikey.Generate(), nil)))
	link := filepath.Join(t.TempDir(), "keys.json")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, link, "new")
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("the link is now %q, %v", target, err)
	}
	if got := names(t, path); len(got) != 2 {
		t.Errorf("behind the link are %v", got)
	}
	onlyFile(t, path)
	onlyFile(t, link)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := add(link, "k"); err == nil || !strings.Contains(err.Error(), "link to nowhere") {
		t.Errorf("a dangling link: %v", err)
	}
}
