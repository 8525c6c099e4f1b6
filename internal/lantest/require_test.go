package lantest_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

func TestRequireSkipsOutside(t *testing.T) {
	lantest.Require(t)
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ job, outside, reason string }{
		{"without Main", "", "does not call lantest.Main"},
		{"without Main", here, "does not call lantest.Main"}, // The variable alone proves nothing.
		{"without namespaces", "", "make namespaces"},
	} {
		log := filepath.Join(t.TempDir(), "skipped")
		cmd := start(t, tt.job, "LANTEST_OUTSIDE="+tt.outside, "SKIPPED_LOG="+log)
		strict := start(t, tt.job, "LANTEST_OUTSIDE="+tt.outside, "REQUIRE_ALL=1")
		for _, c := range []*exec.Cmd{cmd, strict} {
			if tt.job == "without namespaces" {
				c.SysProcAttr = &syscall.SysProcAttr{
					Cloneflags:  syscall.CLONE_NEWUSER,
					UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
					GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
				}
			}
		}
		output, err := cmd.CombinedOutput()
		if bytes.Contains(output, []byte("cannot forbid namespaces")) {
			skip.Because(t, string(output))
		}
		recorded, _ := os.ReadFile(log)
		if err != nil || !bytes.Contains(output, []byte("--- SKIP: TestChild")) || !bytes.Contains(recorded, []byte(tt.reason)) {
			t.Errorf("%s: %v, recorded %q:\n%s", tt.job, err, recorded, output)
		}
		output, err = strict.CombinedOutput()
		if err == nil || !bytes.Contains(output, []byte(tt.reason)) || bytes.Contains(output, []byte("inside")) {
			t.Errorf("%s, all required: %v\n%s", tt.job, err, output)
		}
	}
}

func TestLoopbackIsUp(t *testing.T) {
	lantest.Require(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestOtherThreadsStayAtHome(t *testing.T) {
	lantest.New(t, "lana", "10.10.0.1/24")
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, thread := range threads {
		if got, err := os.Readlink(thread); err == nil && got != home {
			t.Errorf("%s is in %s, not in %s", thread, got, home)
		}
	}
}
