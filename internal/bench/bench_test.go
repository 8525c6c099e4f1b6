package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestBench lets it measure as little as it can, which says nothing of speed: every
// design wakes, and every table has its figures.
func TestBench(t *testing.T) {
	t.Parallel()
	cmd, temporary := bench(t, "-rounds", "1", "-span", "20ms", "-wakes", "100")
	out, err := cmd.Output()
	if err != nil {
		because(t, cmd)
		t.Fatalf("%v\n%s%s", err, out, cmd.Stderr)
	}
	for title, rows := range map[string]int{"Wakes": 20, "Request to packet on the wire": 5, "1,000 targets a call": 3, "Footprint": 6} {
		_, section, _ := strings.Cut(string(out), "\n### "+title+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		figures := 0
		for line := range strings.Lines(section) {
			for cell := range strings.SplitSeq(line, "|") {
				number, _, _ := strings.Cut(strings.TrimSpace(cell), " ")
				if f, err := strconv.ParseFloat(number, 64); err == nil && f > 0 {
					figures++
					break
				}
			}
		}
		if figures < rows {
			t.Errorf("%s has %d rows with figures, want %d:\n%s", title, figures, rows, section)
		}
	}
	left(t, temporary)
}

// TestBenchIsInterrupted while it measures.
func TestBenchIsInterrupted(t *testing.T) {
	t.Parallel()
	cmd, temporary := bench(t, "-span", "1m")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(woltest.Patience); ; time.Sleep(time.Millisecond) {
		sockets, err := filepath.Glob(filepath.Join(temporary, "*", "*", "s"))
		if err != nil {
			t.Fatal(err)
		}
		if len(sockets) > 0 { // that of the first daemon
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			<-ended
			because(t, cmd)
			t.Fatalf("no daemon in time\n%s", cmd.Stderr)
		}
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("it ended well")
	}
	left(t, temporary)
}

func bench(t *testing.T, args ...string) (cmd *exec.Cmd, temporary string) {
	t.Helper()
	temporary = t.TempDir()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "wolgate/cmd/wol-server", "wolgate/cmd/api-server", "wolgate/internal/bench")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd = exec.Command(filepath.Join(dir, "bench"), args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), "TMPDIR="+temporary), new(bytes.Buffer)
	return cmd, temporary
}

// because skips a test on a machine that allows no network namespace.
func because(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if said := cmd.Stderr.(*bytes.Buffer).String(); strings.Contains(said, "make a network namespace") {
		skip.Because(t, said)
	}
}

func left(t *testing.T, temporary string) {
	t.Helper()
	entries, err := os.ReadDir(temporary)
	if err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
