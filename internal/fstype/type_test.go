package fstype_test

import (
	"path/filepath"
	"testing"

	"wolgate/internal/fstype"
)

// TestTypes has numbers that no test can count on being mounted, as the kernel writes
// them, and one that every Linux has.
func TestTypes(t *testing.T) {
	t.Parallel()
	for number, want := range map[fstype.Type]struct{ name, modes string }{
		0x4d44:     {"vfat", "chmod may change nothing on vfat: mount it with the option fmask=0137, or keep the file on a file system of Linux such as ext4"},
		0xfe534d42: {"CIFS", "chmod may change nothing on CIFS: mount it with the option file_mode=0640, or keep the file on a file system of Linux such as ext4"},
		0x6969:     {"NFS", ""},
		0xef53:     {"a file system of type 0xef53", ""},
		0:          {"this file system", ""},
	} {
		if name, modes := number.String(), number.Modes(); name != want.name || modes != want.modes {
			t.Errorf("%#x: %q, %q", uint32(number), name, modes)
		}
	}
	if got := fstype.Of("/proc/self"); got != 0x9fa0 { // PROC_SUPER_MAGIC
		t.Errorf("/proc is %v", got)
	}
	if got := fstype.Of(filepath.Join(t.TempDir(), "none")); got != 0 {
		t.Errorf("what does not exist is on %v", got)
	}
}
