package files

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// WarnIfMounted warns if the file at path is a mount of its own, as of docker run -v
// FILE:FILE. A mount keeps the inode that it was made with: a change by rename(2), which is
// how most editors and "api-server keys" write, stays unseen for as long as the old file has
// another name. The kernel tells since Linux 5.8 (STATX_ATTR_MOUNT_ROOT, statx(2)).
func WarnIfMounted(path string, log *slog.Logger) {
	if mounted(path) {
		log.Warn("a file that is mounted by itself may not show its changes until a restart: mount its directory", "file", path)
	}
}

func mounted(path string) bool {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, 0, &s)
	return err == nil && s.Attributes_mask&s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
