package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxPath is the longest path of a Unix socket: sun_path has 108 bytes on
// Linux, the last of them a zero (unix(7)). The kernel calls a longer one just
// an "invalid argument".
const maxPath = 107

// directoryDeleted is what an operator needs where deleted is true of the directory.
const directoryDeleted = "its directory was deleted on the host while it was mounted here, and one that was made since is another: recreate this container"

// Dialer returns a DialContext for http.Transport that ignores the address and dials the
// socket at path. Its errors keep the cause: ENOENT where no daemon runs, ECONNREFUSED
// where it was killed, and EAGAIN where its backlog is full, because a dial never waits.
// To EACCES, and to ENOENT and ECONNREFUSED where starting the daemon cannot cure them, they
// add what an operator needs.
func Dialer(path string) func(ctx context.Context, network, address string) (net.Conn, error) {
	bad := CheckPath(path)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if bad != nil {
			return nil, fmt.Errorf("dial %s: %w", path, bad)
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		switch {
		case errors.Is(err, syscall.EACCES):
			err = fmt.Errorf("%w: %s", err, closedAt(path))
		case errors.Is(err, syscall.ENOENT) && deleted(filepath.Dir(path)):
			err = fmt.Errorf("%w: %s", err, directoryDeleted)
		case errors.Is(err, syscall.ECONNREFUSED) && deleted(path):
			err = fmt.Errorf("%w: it was mounted here as a file, and the one that wol-server has made since is another: mount the directory that it is in, and recreate this container", err)
		}
		return conn, err
	}
}

// closedAt describes what keeps this process out, with its owner and mode: the socket,
// which has to be writable, or the first directory on the way that cannot be searched,
// which is the last one that can be seen (path_resolution(7)).
func closedAt(path string) string {
	info, err := os.Stat(path)
	for errors.Is(err, fs.ErrPermission) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err = os.Stat(path)
	}
	if err != nil {
		return err.Error()
	}
	owner := info.Sys().(*syscall.Stat_t)
	groups, _ := os.Getgroups()
	said := fmt.Sprintf("%s is %s of uid %d and gid %d, and this process has uid %d, gid %d and the groups %v",
		path, info.Mode(), owner.Uid, owner.Gid, os.Geteuid(), os.Getegid(), groups)
	if label := selinuxLabel(path); label != "" {
		said += "; it has the SELinux label " + label + ": if the mode admits this process, SELinux does not; mount the directory into both containers with the option :z"
	}
	return said
}

// deleted reports whether path exists for this process alone. A container keeps seeing a
// directory or a file that it has mounted after the host has removed it; the kernel then
// shows it without a link. Some file systems count the links of directories differently,
// so false proves nothing.
func deleted(path string) bool {
	var s syscall.Stat_t
	return syscall.Stat(path, &s) == nil && s.Nlink == 0
}

// CheckPath refuses what cannot be the path of a socket that is a file. A leading @ (to
// package net) and an empty name (to the kernel) mean the abstract namespace, where no
// mode keeps anyone out; a NUL would end the path early.
func CheckPath(path string) error {
	if path == "" || path[0] == '@' || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/") {
		return errors.New("is empty, starts with @, ends with / or holds a NUL: choose the path of a file")
	}
	if len(path) > maxPath {
		return fmt.Errorf("%w: %d bytes, and the limit is %d: choose a shorter path", ErrPathTooLong, len(path), maxPath)
	}
	return nil
}
