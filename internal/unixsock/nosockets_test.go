package unixsock_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/skip"
)

// TestAFileSystemWithoutSockets binds on one of POSIX message queues, which has files and
// their locks and no mknod, as vfat has, and can be mounted in any namespace.
func TestAFileSystemWithoutSockets(t *testing.T) {
	t.Parallel()
	apart := func(cmd *exec.Cmd) {
		uid, gid := []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC,
			UidMappings: uid, GidMappings: gid,
		}
	}
	probe := exec.Command("true")
	apart(probe)
	if err := probe.Run(); err != nil {
		skip.Because(t, fmt.Sprintf("cannot make a user namespace: %v", err))
	}
	dir := tempDir(t)
	p := startPuppet(t, apart)
	p.obey(t, "mount "+dir)
	for range 2 { // what the first left would change the second
		said := p.do(t, "listen "+filepath.Join(dir, "s"))
		for _, want := range []string{"bind: operation not permitted", "a file system of type 0x19800202 is no place for a socket: choose a --socket"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q does not say %q", said, want)
			}
		}
	}
	if left, err := os.ReadDir(fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, dir)); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
