package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wolgate/internal/fstype"
)

// maxSize bounds what is read of a file.
const maxSize = 1 << 20

// Read reads a regular file of at most 1 MiB whose mode the guard accepts, and returns its
// text without a byte order mark. Anything else is an error at once.
func Read(path string, guard Guard) ([]byte, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: name a file", path)
	}
	if mode := info.Mode().Perm(); mode&fs.FileMode(guard) != 0 {
		return nil, ModeError{path: path, mode: mode, guard: guard, on: fstype.Of(path)}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSize)
	}
	if text, err = decode(text); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return text, nil
}

// open opens a file and describes what it has opened, so that what is checked is what is
// read. It does not wait for the writer of a pipe (fifo(7)).
//
// A file without a link was deleted or replaced. Where its name leads to it nevertheless,
// time after time, the name is a mount of the file: it keeps the inode that it was made
// with, and no change by rename(2) is ever seen through it.
func open(path string) (*os.File, fs.FileInfo, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) && unlinked(os.Stat(filepath.Dir(path))) {
			err = ReplacedError{"the directory of " + path, "restart this container"}
		}
		if err != nil {
			return nil, nil, err
		}
		info, err := f.Stat()
		if err == nil && !unlinked(info, nil) {
			return f, info, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, nil, err
		}
		if try == 3 { // four replacements in such a moment are no coincidence
			return nil, nil, ReplacedError{path, "restart this container, and mount the directory of the file, which shows every change"}
		}
	}
}

// unlinked takes what Stat returns.
func unlinked(info fs.FileInfo, err error) bool {
	return err == nil && info.Sys().(*syscall.Stat_t).Nlink == 0
}

// Guard is the permissions that a file must not give.
type Guard fs.FileMode

// The guards. The group may read a secret, since one that a container engine mounts
// belongs to root and is readable through the group, mode 0440. It must not write one:
// writing a key file is making keys.
const (
	Secret  Guard = 0o027 // nothing for others, no writing for the group
	Trusted Guard = 0o002 // no writing for others
)

// ModeError is a file that is open to more than it should be.
type ModeError struct {
	path  string
	mode  fs.FileMode
	guard Guard
	on    fstype.Type
}

// Error returns the fault and what cures it: a command, except on a file system that
// would not obey it.
func (e ModeError) Error() string {
	if cure := e.on.Modes(); cure != "" {
		return fmt.Sprintf("%s is open to too many (mode %04o), and %s", e.path, e.mode, cure)
	}
	excess := Guard(e.mode) & e.guard
	var cure []string
	if excess&0o070 != 0 {
		cure = append(cure, "g-w")
	}
	switch {
	case excess&0o007 == 0:
	case e.guard&0o007 == 0o007:
		cure = append(cure, "o-rwx")
	default:
		cure = append(cure, "o-w")
	}
	return fmt.Sprintf("%s is open to too many (mode %04o): chmod %s %s", e.path, e.mode, strings.Join(cure, ","), e.path)
}
