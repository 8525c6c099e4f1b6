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

// TestDialerNamesSELinux has a label on a socket that is closed for another reason, because
// SELinux is not there to refuse it. Only root may write labels, and be another user.
func TestDialerNamesSELinux(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		skip.Because(t, "only root can be a second user, to whom the socket is closed: run it as root")
	}
	base := tempDir(t)
	path := filepath.Join(base, "s")
	must(t, os.Chmod(base, 0o755))
	greet(t, listen(t, path))
	const label = "system_u:object_r:container_file_t:s0:c1,c2"
	if err := syscall.Setxattr(path, "security.selinux", []byte(label+"\x00"), 0); err != nil {
		skip.Because(t, fmt.Sprintf("cannot label a file: %v", err))
	}
	p := startPuppet(t, func(cmd *exec.Cmd) { asOther(cmd) })
	if got, want := p.do(t, "dial "+path), "the SELinux label "+label+": "; !strings.Contains(got, want) {
		t.Errorf("%q does not say %q", got, want)
	}
}
