package files

import (
	"io/fs"

	"wolgate/internal/fstype"
)

// ModeErrorOn is the error for a file on a file system that a test cannot mount.
func ModeErrorOn(on fstype.Type, path string, mode fs.FileMode, guard Guard) error {
	return ModeError{path: path, mode: mode, guard: guard, on: on}
}
