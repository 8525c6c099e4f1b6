package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestBoot boots a system of its own, installs both programs in it, and wakes through
// them. It needs root.
func TestBoot(t *testing.T) {
	lantest.Require(t)
	skip.Unless(t, "/lib/systemd/systemd", "systemd")
	skip.Unless(t, "systemd-nspawn", "systemd-container")
	skip.Unless(t, "nsenter", "util-linux")
	isolate(t)
	m := &machine{t: t, root: prepare(t), lan: lantest.New(t, "lan0", "192.168.77.10/24", "fe80::1/64")}
	m.boot(t)
	t.Cleanup(func() { m.off(t) })
	for _, step := range steps() {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, m) }) {
			t.Log(m.journal(t))
			if step.essential {
				t.FailNow()
			}
		}
	}
}

// prepare puts a system together and returns its root: the programs of this machine, a
// copy of its settings without its services, below /opt/wolgate what a checkout has after
// make build, and nothing else. All that is written is in memory.
func prepare(t *testing.T) (root string) {
	t.Helper()
	root = "/mnt" // a directory that every machine has
	mount := func(source, target, kind string, flags uintptr, options string) {
		t.Helper()
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount(source, target, kind, flags, options); err != nil {
			skip.Because(t, "mounting "+target+" is not allowed: "+err.Error())
		}
	}
	mount("wolgate-boot", root, "tmpfs", 0, "")
	mount("/usr", root+"/usr", "", syscall.MS_BIND, "")
	mount("", root+"/usr", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	mount("wolgate-boot", root+"/usr/local", "tmpfs", 0, "")
	command(t, "sh", "-ec", `cd "$1"
		mkdir -p usr/local/bin var root run tmp opt/wolgate/deploy
		for name in bin sbin lib lib64; do ln -s usr/$name .; done
		cp -a /etc .
		rm -rf etc/systemd/system/* etc/rc?.d etc/fstab etc/resolv.conf`, "sh", root)
	home := filepath.Join(root, "opt/wolgate")
	command(t, "cp", "-r", woltest.Build(t), home+"/bin")
	command(t, "cp", "-r", folder, home+"/deploy/systemd")
	return root
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
