package files

import (
	"errors"
	"syscall"
)

// MayPass reports whether time can cure an error of Read: the file is missing, as on a
// file system that is mounted late, or what it is on does not answer now. A start that
// fails because of it may succeed later, unlike one that fails because of what the file says.
func MayPass(err error) bool {
	if _, ok := errors.AsType[ReplacedError](err); ok {
		return true
	}
	cause, ok := errors.AsType[syscall.Errno](err)
	switch cause {
	case syscall.EACCES, syscall.EPERM, syscall.EINVAL, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.ENOTDIR:
		return false
	}
	return ok
}

// ReplacedError is a file, or a directory, that was replaced on the host while it was
// mounted in this container.
type ReplacedError struct{ what, cure string }

// Error returns the fault and its cure.
func (e ReplacedError) Error() string {
	return e.what + " was replaced on the host, and what is mounted here is the old one: " + e.cure
}
