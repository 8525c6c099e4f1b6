package program

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// maxFile bounds what is read of a file that the configuration names.
const maxFile = 1 << 20

// ReadFile reads a regular file of at most 1 MiB whose mode the guard accepts.
// Anything else is an error at once: opening a pipe would wait for its writer
// (fifo(7)), a device may be endless.
func ReadFile(path string, guard Guard) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", path, maxFile)
	}
	if err := guard.Check(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// Guard is the permissions that a file must not give.
type Guard fs.FileMode

// The guards. The group may read a secret, since one that a container engine
// mounts belongs to root and reaches its reader by the group, mode 0440. It may
// not write one: whoever writes a key file makes keys.
const (
	Secret  Guard = 0o027 // nothing for others, no writing for the group
	Trusted Guard = 0o002 // no writing for others
)

// Check returns a ModeError for a file that gives more than the guard allows.
// info is best of the open file, so that what was looked at is what is read.
func (g Guard) Check(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&fs.FileMode(g) != 0 {
		return ModeError{path: path, mode: mode, guard: g}
	}
	return nil
}

// ModeError is a file that is open to more than it should be.
type ModeError struct {
	path  string
	mode  fs.FileMode
	guard Guard
}

// Error returns the fault and the command that cures it.
func (e ModeError) Error() string {
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
