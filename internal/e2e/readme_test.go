package e2e

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// root is the top of the checkout, seen from this package.
const root = "../.."

// TestREADMEExamples runs every shell block of the README that is marked as
// tested, in its order, against the real programs on a LAN of the test's own.
func TestREADMEExamples(t *testing.T) {
	runExamples(t, "README.md", nil, func(block, out string) bool {
		if !strings.Contains(block, "/wol") {
			return false
		}
		if !strings.Contains(out, `"status":"sent"`) {
			t.Errorf("no receipt:\n%s\n%s", block, out)
		}
		return true
	})
}

// runExamples runs the tested blocks of a document in a folder that has bin and the
// links. A block that wakes, which wakes judges, is to put a packet on the LAN.
func runExamples(t *testing.T, document string, links map[string]string, wakes func(block, out string) bool) {
	t.Helper()
	lantest.Require(t)
	skip.Unless(t, "curl", "curl")
	lan := lantest.New(t, "lan0", "192.168.1.10/24")
	p := startPrograms(t, []string{"--repeat", "1"}, "--listen", "127.0.0.1:8080")
	top := t.TempDir()
	link := func(name, target string) {
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("bin", p.bin)
	for name, target := range links {
		link(name, target)
	}
	blocks := testedBlocks(t, document)
	count := 0
	for _, block := range blocks {
		cmd := exec.Command("sh", "-eu", "-c", block)
		cmd.Dir = top
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + top, "KEY=" + p.key, "SOCKET=" + p.socket, "API_KEYS_FILE=" + p.keys}
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), `"ok":false`) {
			t.Errorf("%v\n%s\n%s", err, block, out)
			continue
		}
		if !wakes(block, string(out)) {
			continue
		}
		count++
		f, ok := lan.Next(woltest.Patience)
		if !ok || f.DstPort != 9 || len(f.Payload) < 102 {
			t.Errorf("no packet on the LAN for:\n%s", block)
		}
		lan.Collect(quietLAN)
	}
	if len(blocks) < 6 || count < 4 {
		t.Errorf("%d blocks with %d wakes: %s has lost its examples", len(blocks), count, document)
	}
}

func readme(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func testedBlocks(t *testing.T, name string) []string {
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^<!-- tested -->\n```sh\n(.*?)^```$").FindAllStringSubmatch(readme(t, name), -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// TestMakeRun follows the README's first minute: make run, the line it prints,
// and Ctrl-C.
func TestMakeRun(t *testing.T) {
	lantest.Require(t)
	skip.Unless(t, "curl", "curl")
	skip.Unless(t, "make", "make")
	lan := lantest.New(t, "lan0", "192.168.1.10/24")
	state := filepath.Dir(woltest.SocketPath(t))
	var key string
	for _, first := range []bool{true, false} {
		cmd := exec.Command("make", "--no-print-directory", "-C", root, "run", "RUN="+state)
		cmd.Env = append(os.Environ(), "API_LISTEN=127.0.0.1:8081", "API_OPS_LISTEN=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(2*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		said := map[string]string{}
		for lines := bufio.NewScanner(out); said["Stop"] == "" && lines.Scan(); {
			what, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
			said[what] = strings.TrimSpace(value)
		}
		if first {
			key = said["Your key, shown this once"]
		} else if said["Your key, shown this once"] != "" || said["Another key"] == "" {
			t.Errorf("the second start prints %v", said)
		}
		shell, err := exec.Command("sh", "-c", strings.ReplaceAll(said["Wake a computer"], "YOUR-KEY", key)).Output()
		if err != nil || !strings.Contains(string(shell), `"status":"sent"`) {
			t.Errorf("%v from %q: %s", err, said, shell)
		}
		if _, ok := lan.Next(woltest.Patience); !ok {
			t.Error("no packet on the LAN")
		}
		page, err := http.Get(said["In a browser"])
		if err != nil || page.StatusCode != http.StatusOK {
			t.Fatalf("%v: %v", err, page)
		}
		_ = page.Body.Close()

		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil { // as the terminal does
			t.Fatal(err)
		}
		_ = cmd.Wait() // make's own status after an interrupt says nothing
		timer.Stop()
		if left, err := os.ReadFile("/proc/net/unix"); err != nil || strings.Contains(string(left), state) {
			t.Errorf("after Ctrl-C somebody still serves the socket: %v", err)
		}
		if err := syscall.Kill(-cmd.Process.Pid, 0); err == nil {
			t.Error("after Ctrl-C a process is left")
		}
		if got := len(lan.Collect(quietLAN)); got < 5 {
			t.Errorf("%d packets after the first: the copies were not drained", got)
		}
	}
}
