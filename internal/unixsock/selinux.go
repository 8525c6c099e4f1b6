package unixsock

import (
	"strings"
	"syscall"
)

// selinuxLabel returns the label of a file, or nothing where files have none. SELinux
// answers EACCES as well, and logs why in a place that a container does not see.
func selinuxLabel(path string) string {
	var label [256]byte
	n, err := syscall.Getxattr(path, "security.selinux", label[:])
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(label[:n]), "\x00")
}
