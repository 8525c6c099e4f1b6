package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/files"
)

// TestReadLooksAtTheMode has every mode that a umask, a mount or a hurried
// chmod leaves behind.
func TestReadLooksAtTheMode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		guard files.Guard
		mode  fs.FileMode
		cure  string // empty = the file is read
	}{
		{files.Secret, 0o400, ""},
		{files.Secret, 0o600, ""},
		{files.Secret, 0o440, ""}, // a mounted secret
		{files.Secret, 0o640, ""},
		{files.Secret, 0o750, ""},
		{files.Secret, 0o444, "o-rwx"},
		{files.Secret, 0o644, "o-rwx"},
		{files.Secret, 0o602, "o-rwx"},
		{files.Secret, 0o601, "o-rwx"},
		{files.Secret, 0o660, "g-w"},
		{files.Secret, 0o620, "g-w"},
		{files.Secret, 0o666, "g-w,o-rwx"},
		{files.Secret, 0o777, "g-w,o-rwx"},
		{files.Trusted, 0o400, ""},
		{files.Trusted, 0o644, ""},
		{files.Trusted, 0o664, ""},
		{files.Trusted, 0o666, "o-w"},
		{files.Trusted, 0o602, "o-w"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		text, err := files.Read(path, tt.guard)
		if tt.cure == "" {
			if err != nil || string(text) != "text" {
				t.Errorf("%03o of %04o: %q, %v", tt.guard, tt.mode, text, err)
			}
			continue
		}
		if _, ok := errors.AsType[files.ModeError](err); !ok || text != nil {
			t.Errorf("%03o of %04o: %q, %v; want a ModeError", tt.guard, tt.mode, text, err)
			continue
		}
		if !strings.HasSuffix(err.Error(), "chmod "+tt.cure+" "+path) {
			t.Errorf("%03o of %04o: %v; want it to end in chmod %s", tt.guard, tt.mode, err, tt.cure)
		}
		// The cure must be one, and must not change more of the mode.
		bits := map[string]fs.FileMode{"g-w": 0o020, "o-w": 0o002, "o-rwx": 0o007, "g-w,o-rwx": 0o027}[tt.cure]
		if err := os.Chmod(path, tt.mode&^bits); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Read(path, tt.guard); err != nil {
			t.Errorf("%03o of %04o after %s: %v", tt.guard, tt.mode, tt.cure, err)
		}
	}
}

// TestNoChmodWhereThereAreNoModes: on vfat every file has the mode of the mount.
func TestNoChmodWhereThereAreNoModes(t *testing.T) {
	t.Parallel()
	err := files.ModeErrorOn(0x4d44, "/boot/keys.json", 0o755, files.Secret)
	want := "/boot/keys.json is open to too many (mode 0755), and chmod may change nothing on vfat: mount it with the option fmask=0137, or keep the file on a file system of Linux such as ext4"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestReadLooksBehindALink: the mode of a link is always 0777.
func TestReadLooksBehindALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Read(link, files.Secret); err != nil {
		t.Errorf("a link to a closed file: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Read(link, files.Secret); err == nil {
		t.Error("a link to an open file was read")
	}
}

func TestReadTakesFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		dir: "not a regular file", pipe: "not a regular file", "/dev/zero": "not a regular file", large: "larger than 1048576 bytes",
	} {
		if _, err := files.Read(path, files.Trusted); err == nil || !strings.Contains(err.Error(), path+" is "+says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := files.Read(filepath.Join(dir, "none"), files.Secret); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
