package boot_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// The test runs in three processes, each the parent of the next, because namespaces are
// a matter of whole processes: the first decides whether the machine can; the second
// has mounts and processes of its own; the third, in a control group of its own, a network
// as well. When one ends, the kernel ends those below it, with their mounts and links.
const (
	stageVariable = "BOOT_STAGE"
	dirVariable   = "BOOT_DIR"   // where the second mounts what it makes
	groupVariable = "BOOT_GROUP" // the control group of the third
	preparing     = "prepare"
	booting       = "boot"
)

// whole bounds the test.
const whole = 8 * time.Minute

// TestBoot boots a system of its own, installs both programs in it, and wakes through
// them. It needs root.
func TestBoot(t *testing.T) {
	switch os.Getenv(stageVariable) {
	case preparing:
		root := prepare(t, os.Getenv(dirVariable))
		again(t, booting, root, syscall.CLONE_NEWNET)
	case booting:
		assemble(t, os.Getenv(groupVariable))
		installAndWake(t, os.Getenv(dirVariable))
	default:
		if os.Geteuid() != 0 {
			skip.Because(t, "booting a system needs root")
		}
		skip.Unless(t, "/lib/systemd/systemd", "systemd")
		skip.Unless(t, "systemd-nspawn", "systemd-container")
		skip.Unless(t, "nsenter", "util-linux")
		dir := t.TempDir()
		group := "wolgate-boot-" + filepath.Base(filepath.Dir(dir))
		t.Setenv(groupVariable, group)
		t.Cleanup(func() { disband(t, group) })
		again(t, preparing, dir, syscall.CLONE_NEWNS|syscall.CLONE_NEWPID)
	}
}

// again runs this test once more, as the next stage, and fails where that fails.
func again(t *testing.T, stage, dir string, namespaces uintptr) {
	t.Helper()
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestBoot$", "-test.v", "-test.timeout="+whole.String())
	cmd.Env = append(os.Environ(), stageVariable+"="+stage, dirVariable+"="+dir)
	if stage == booting {
		// This is how package lantest knows that packets may be sent: it compares the
		// network that was left with the one that it finds itself in.
		cmd.Env = append(cmd.Env, "LANTEST_OUTSIDE="+here)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if errors.Is(err, syscall.EPERM) {
		skip.Because(t, "namespaces are not allowed here: "+err.Error())
	}
	if err != nil {
		t.Fatalf("stage %s: %v; its own words are above", stage, err)
	}
}

// prepare puts a system together below dir/root and returns that: the programs of this
// machine, a copy of its settings without its services, below /opt/wolgate what a checkout
// has after make build, and nothing else. All that is written is in memory, so that
// nothing of it stays.
func prepare(t *testing.T, dir string) string {
	t.Helper()
	mount := func(source, target, kind string, flags uintptr, options string) {
		t.Helper()
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount(source, target, kind, flags, options); err != nil {
			skip.Because(t, "mounting "+target+" is not allowed: "+err.Error())
		}
	}
	mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") // or the machine would see the next ones
	mount("proc", "/proc", "proc", 0, "")
	mount("wolgate-boot", dir, "tmpfs", 0, "")
	root := filepath.Join(dir, "root")
	mount("/usr", root+"/usr", "", syscall.MS_BIND, "")
	mount("", root+"/usr", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	mount("wolgate-boot", root+"/usr/local", "tmpfs", 0, "")
	command(t, "sh", "-ec", `cd "$1"
		mkdir -p usr/local/bin var root run tmp opt/wolgate/deploy
		for name in bin sbin lib lib64; do ln -s usr/$name .; done
		cp -a /etc .
		rm -rf etc/systemd/system/* etc/rc?.d etc/fstab etc/resolv.conf`, "sh", root)
	home := filepath.Join(root, "opt/wolgate")
	command(t, "cp", "-r", woltest.Build(t, t.TempDir()), home+"/bin")
	command(t, "cp", "-r", folder, home+"/deploy/systemd")
	return root
}

// installAndWake is what the third process does.
func installAndWake(t *testing.T, root string) {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	lan := lantest.New(t, "lan0", "192.168.77.10/24", "fe80::1/64")
	m := &machine{t: t, root: root, lan: lan}
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

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
