package apikey

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"wolgate/internal/files"
	"wolgate/internal/fstype"
)

// makeDir creates a missing directory, but none above it: a mistyped path must fail.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o750)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// lockDir waits for the exclusive lock of the directory of a key file. Closing it releases
// the lock, as does the end of the process, and no lock file is left.
func lockDir(path string) (*os.File, error) {
	dir, err := os.OpenFile(filepath.Dir(path), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, refused(path, err)
	}
	for {
		err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			_ = dir.Close()
			return nil, unlockable(dir.Name(), fstype.Of(dir.Name()), err)
		}
	}
}

// replace puts text at path in one step: at every moment, and after a crash at
// any moment, path holds either all of the old text or all of the new. old is
// nil where there is no file yet. The caller holds the lock of dir.
func replace(dir *os.File, path string, text []byte, old fs.FileInfo) error {
	if err := rename(dir, path, text, old); err != nil {
		return refused(path, err)
	}
	// EINVAL is a file system without fsync of directories. Any other failure comes too
	// late to undo the change.
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("key file %s %w: %w", path, errLate, err)
	}
	return nil
}

func rename(dir *os.File, path string, text []byte, old fs.FileInfo) (err error) {
	// One name is enough under the lock. A file that has it was left by a run that was
	// killed.
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	if err := fill(f, dir, text, old); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// fill writes the new file, gives it its owner and mode, and waits for the disk.
func fill(f, dir *os.File, text []byte, old fs.FileInfo) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := inherit(f, dir, old); err != nil {
		return err
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&fs.FileMode(files.Secret) != 0 {
		on := fstype.Of(f.Name())
		return fmt.Errorf("it would be open to too many (mode %04o): %s", mode, cmp.Or(on.Modes(), "keep it on another file system"))
	}
	return f.Sync()
}

// inherit gives a replaced file the owner of the old one. A new file that root
// makes goes to the owner of its directory, so that api-server can read what
// "sudo api-server keys add" has written. A refusal by the kernel is no error:
// only root can give files away, and the change matters more.
func inherit(f, dir *os.File, old fs.FileInfo) error {
	like := old
	if like == nil {
		if os.Geteuid() != 0 {
			return nil
		}
		var err error
		if like, err = dir.Stat(); err != nil {
			return err
		}
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok := like.Sys().(*syscall.Stat_t)
	have, also := now.Sys().(*syscall.Stat_t)
	if !ok || !also || want.Uid == have.Uid && want.Gid == have.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		_ = f.Chown(-1, int(want.Gid)) // a member may still give it to the group
	}
	return nil
}
