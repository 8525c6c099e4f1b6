package apikey

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"wolgate/internal/fstype"
)

// errLate is a failure that comes when the file has changed already.
var errLate = errors.New("has changed but may not survive a power cut")

// refused explains why the file at path could not be replaced. What the kernel says is
// about a temporary file beside it, of which nobody knows.
func refused(path string, err error) error {
	if answer, ok := errors.AsType[syscall.Errno](err); ok {
		err = answer
	}
	var cure string
	switch {
	case errors.Is(err, syscall.EROFS):
		cure = ": mount it read-write, or run this where it is mounted so"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		cure = ": make room on it"
	case errors.Is(err, syscall.EBUSY): // rename(2) does not replace a mount point
		cure = ": the file is mounted by itself: mount its directory instead, or run this on the host"
	case errors.Is(err, fs.ErrPermission):
		cure = ": run this as root, or as the owner of its directory"
	}
	return fmt.Errorf("key file %s cannot be replaced: %w%s", path, err, cure)
}

// unlockable is for network file systems: their locks need a server that has them, and
// some of them a file that is open for writing, which a directory never is.
func unlockable(path string, on fstype.Type, err error) error {
	return fmt.Errorf("directory %s cannot be locked on %v: %w: run api-server keys on the host that has the disk, or keep the keys on a disk of this host", path, on, err)
}
