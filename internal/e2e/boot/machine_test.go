package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// patience is for what takes a moment; a busy machine makes it long.
const patience = 20 * time.Second

// machine is the system that is booted. It shares the network of this process, which is
// this process's own: lan is the one network card, and 127.0.0.1 is the machine's.
type machine struct {
	t      *testing.T
	root   string
	lan    *lantest.LAN
	nspawn *exec.Cmd
	ended  chan struct{}
	screen *woltest.Buffer // what its console has shown
	leader string          // the machine's process 1, as seen from here
	key    string
	woken  atomic.Uint32
}

// boot returns once the system is up.
func (m *machine) boot(t *testing.T) {
	t.Helper()
	m.screen = &woltest.Buffer{}
	// --register=no, --keep-unit: process 1 here need not be systemd, so it is not
	// told and makes no unit. The rest lets the systemd inside attach the programs by which
	// IPAddressDeny= works; the network that this is a power over is the test's own.
	m.nspawn = exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
		"--capability=CAP_BPF,CAP_NET_ADMIN", "--system-call-filter=bpf", "--directory="+m.root, "--boot")
	m.nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0")
	if unified() {
		m.nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	}
	m.nspawn.Stdout, m.nspawn.Stderr = m.screen, m.screen
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	m.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(m.nspawn, m.ended)
	start := time.Now()
	up := m.eventually(time.Minute, func() bool {
		select {
		case <-m.ended:
			return true
		default:
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", m.nspawn.Process.Pid))
		for child := range strings.FieldsSeq(string(children)) {
			m.leader = child
			if said, _ := m.try("systemctl is-system-running"); said == "running" || said == "degraded" {
				return true
			}
		}
		return false
	})
	select {
	case <-m.ended:
		skip.Because(t, "systemd-nspawn does not boot here: "+m.screen.String())
	default:
	}
	if !up {
		t.Fatalf("the system does not come up:\n%s", m.screen)
	}
	t.Logf("up in %v", time.Since(start).Round(time.Millisecond))
}

// off shuts the system down, as a power button does.
func (m *machine) off(t *testing.T) {
	t.Helper()
	_ = m.nspawn.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.ended:
	case <-time.After(time.Minute):
		_ = m.nspawn.Process.Kill()
		<-m.ended
		t.Errorf("the system does not shut down:\n%s", m.screen)
	}
}

// try runs a line of sh inside, as root, and returns what it said.
func (m *machine) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", m.leader, "--all", "--root", "--wd", "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// sh is try for what has to go well.
func (m *machine) sh(t *testing.T, script string) string {
	t.Helper()
	said, err := m.try(script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, said)
	}
	return said
}

// property returns what systemd says of a unit.
func (m *machine) property(t *testing.T, unit, name string) string {
	t.Helper()
	return m.sh(t, "systemctl show --value -p "+name+" "+unit)
}

// restarted returns when a unit is active again whose main process was pid.
func (m *machine) restarted(t *testing.T, unit, pid string) {
	t.Helper()
	if !m.eventually(patience, func() bool {
		now := m.property(t, unit, "MainPID")
		return now != pid && now != "0" && m.property(t, unit, "ActiveState") == "active"
	}) {
		t.Fatalf("%s is not restarted", unit)
	}
}

// journal returns what both units and systemd have said of them.
func (m *machine) journal(t *testing.T) string {
	t.Helper()
	said, _ := m.try("journalctl --no-pager -o short-precise -n 60 -u wol-server.socket -u wol-server -u api-server")
	return said
}

// request asks the gateway to wake one more target, and returns its MAC.
func (m *machine) request() (status int, mac [6]byte, body string, err error) {
	n := m.woken.Add(1)
	mac = [6]byte{2, 0x11, 0x22, 0x33, byte(n >> 8), byte(n)}
	status, body, err = call(http.MethodPost, fmt.Sprintf("/api/v1/wol/%x", mac[:]), m.key)
	return status, mac, body, err
}

// call makes a request of the gateway, as curl would.
func call(method, path, key string) (status int, body string, err error) {
	r, err := http.NewRequest(method, "http://127.0.0.1:8080"+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// wake has one target woken, and its packet seen on the far side of the network.
func (m *machine) wake(t *testing.T) {
	t.Helper()
	status, mac, body, err := m.request()
	var receipt struct {
		OK     bool
		Status string
	}
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(body), &receipt) != nil || !receipt.OK || receipt.Status != "sent" {
		t.Fatalf("wake: %v, status %d, %s", err, status, body)
	}
	packet := append(bytes.Repeat([]byte{0xff}, 6), bytes.Repeat(mac[:], 16)...)
	m.frame(t, func(f lantest.Frame) bool {
		return f.EtherType == lantest.EtherTypeIPv4 && f.DstPort == 9 && len(f.Payload) == 102 && bytes.Equal(f.Payload, packet)
	})
}

// frame waits for one that is as wanted.
func (m *machine) frame(t *testing.T, wanted func(lantest.Frame) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		f, ok := m.lan.Next(time.Until(deadline))
		if !ok {
			t.Fatal("no such frame reached the far side")
		}
		if wanted(f) {
			return
		}
	}
}

// eventually waits until something holds.
func (m *machine) eventually(limit time.Duration, holds func() bool) bool {
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
