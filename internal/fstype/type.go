package fstype

import (
	"fmt"
	"syscall"
)

// Type is the type of a file system as statfs(2) has it, f_type. The zero Type is
// unknown.
type Type uint32

// Of returns the type of the file system that holds path, or the zero Type where it
// cannot be read.
func Of(path string) Type {
	var s syscall.Statfs_t
	if syscall.Statfs(path, &s) != nil {
		return 0
	}
	return Type(s.Type) // its width differs between architectures
}

// String returns the name of the file system as mount(8) has it, or the number of
// statfs(2). It follows a preposition: "on vfat", "on a file system of type 0xef53".
func (t Type) String() string {
	if row, ok := foreign()[t]; ok {
		return row.name
	}
	if t == 0 {
		return "this file system"
	}
	return fmt.Sprintf("a file system of type %#x", uint32(t))
}

// Modes returns what to do instead of chmod on a file system that keeps no modes, or only
// where it is told to. It is empty for all others.
func (t Type) Modes() string {
	row := foreign()[t]
	if row.modes == "" {
		return ""
	}
	return fmt.Sprintf("chmod may change nothing on %v: %s, or keep the file on a file system of Linux such as ext4", t, row.modes)
}

// row is a file system that was not made for Unix, or is not a disk of this machine.
type row struct{ name, modes string }

// foreign holds the numbers of linux/magic.h and of the drivers that keep theirs to
// themselves. For 0640, vfat and its like subtract from 0777 what fmask has.
func foreign() map[Type]row {
	const fmask = "mount it with the option fmask=0137"
	return map[Type]row{
		0x4d44:     {"vfat", fmask},
		0x2011bab0: {"exFAT", fmask},
		0x5346544e: {"NTFS", fmask},
		0x7366746e: {"NTFS", fmask}, // ntfs3
		0x65735546: {"FUSE", fmask}, // ntfs-3g, exfat-fuse, shares of virtual machines
		0xff534d42: {"CIFS", "mount it with the option file_mode=0640"},
		0xfe534d42: {"CIFS", "mount it with the option file_mode=0640"}, // SMB 2 and later
		0x786f4256: {"vboxsf", "mount it with the option fmode=0640"},
		0x01021997: {"9p", `where this is WSL, write options="metadata" below [automount] in /etc/wsl.conf`},
		0x53464846: {"drvfs", `write options="metadata" below [automount] in /etc/wsl.conf`}, // WSL 1
		0x6969:     {"NFS", ""},
	}
}
