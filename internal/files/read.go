package files

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"wolgate/internal/fstype"
)

// maxSize bounds what is read of a file.
const maxSize = 1 << 20

// Read reads a regular file of at most 1 MiB whose mode the guard accepts, and returns its
// text without a byte order mark. Anything else is an error at once: opening a pipe would
// wait for its writer (fifo(7)), and a device may be endless.
func Read(path string, guard Guard) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file, so that what is checked is what is read
	if err != nil {
		return nil, err
	}
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
