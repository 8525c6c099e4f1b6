package unixsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// maxPath is the longest path of a Unix socket: sun_path has 108 bytes on
// Linux, the last of them a zero (unix(7)). The kernel calls a longer one just
// an "invalid argument".
const maxPath = 107

// Dialer returns a DialContext for http.Transport: whatever address it is
// asked for, it dials the socket at path. Its errors keep the cause: ENOENT
// where no daemon runs, ECONNREFUSED where it was killed, and EAGAIN where it
// lives but its backlog is full, for a dial never waits.
func Dialer(path string) func(ctx context.Context, network, address string) (net.Conn, error) {
	bad := CheckPath(path)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		if bad != nil {
			return nil, fmt.Errorf("dial %s: %w", path, bad)
		}
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
}

// CheckPath refuses what cannot be the path of a socket that is a file. To package net a leading @
// and to the kernel an empty name mean the abstract namespace, where no mode
// keeps anyone out; and a NUL would end the path early.
func CheckPath(path string) error {
	if path == "" || path[0] == '@' || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/") {
		return errors.New("is empty, starts with @, ends with / or holds a NUL: choose the path of a file")
	}
	if len(path) > maxPath {
		return fmt.Errorf("%w: %d bytes, and the limit is %d: choose a shorter path", ErrPathTooLong, len(path), maxPath)
	}
	return nil
}
