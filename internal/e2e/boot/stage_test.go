package boot_test

import (
	"errors"
	"fmt"
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
)

// The test runs in three processes, each the parent of the next, because namespaces are
// a matter of whole processes: the first decides whether the machine can; the second
// has mounts and processes of its own, and still the machine's network, from which it
// fetches a Debian; the third has a network of its own as well. However one ends, the
// kernel ends those below it, with all their mounts and links.
const (
	stageVariable = "BOOT_STAGE"
	dirVariable   = "BOOT_DIR"   // where the second mounts what it makes
	groupVariable = "BOOT_GROUP" // the control group of the third
	preparing     = "prepare"
	booting       = "boot"
)

// whole bounds the test.
const whole = 8 * time.Minute

// TestBoot installs both programs in a Debian of its own, boots it, and wakes through
// them. It needs root, and takes some two minutes.
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
		skip.Unless(t, "debootstrap", "debootstrap")
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

// prepare returns the root of a Debian with systemd and, below /opt/wolgate, what a
// checkout has after make build. All of it is in memory, so that nothing of it stays.
func prepare(t *testing.T, dir string) string {
	t.Helper()
	for _, mount := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE}, // or the machine would see the next two
		{"proc", "/proc", "proc", 0},
		{"wolgate-boot", dir, "tmpfs", 0},
	} {
		if err := syscall.Mount(mount.source, mount.target, mount.kind, mount.flags, ""); err != nil {
			skip.Because(t, "mounting "+mount.target+" is not allowed: "+err.Error())
		}
	}
	checkout := filepath.Join(dir, "checkout")
	command(t, "go", "build", "-trimpath", "-o", checkout+"/bin/", "wolgate/cmd/wol-server", "wolgate/cmd/api-server")
	root := filepath.Join(dir, "root")
	release, mirror := debian(t)
	if proxy := output(t, "apt-config", "shell", "proxy", "Acquire::http::Proxy"); proxy != "" && os.Getenv("http_proxy") == "" {
		t.Setenv("http_proxy", strings.Trim(strings.TrimPrefix(proxy, "proxy="), "'"))
	}
	if out, err := exec.CommandContext(t.Context(), "debootstrap", "--variant=minbase", "--include=systemd,dbus", release, root, mirror).CombinedOutput(); err != nil {
		skip.Because(t, fmt.Sprintf("debootstrap cannot fetch %s from %s: %v: %s", release, mirror, err, lastLine(out)))
	}
	home := filepath.Join(root, "opt/wolgate")
	command(t, "mkdir", "-p", home+"/deploy")
	command(t, "cp", "-r", checkout+"/bin", home)
	command(t, "cp", "-r", folder, home+"/deploy/systemd")
	return root
}

// debian returns the release of this machine and the mirror that its apt uses for it.
func debian(t *testing.T) (release, mirror string) {
	t.Helper()
	release = output(t, "sh", "-c", `. /etc/os-release; echo "${VERSION_CODENAME:-stable}"`)
	for line := range strings.Lines(output(t, "apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == release && fields[1] == "main" {
			return release, fields[2]
		}
	}
	return release, "http://deb.debian.org/debian"
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

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}
