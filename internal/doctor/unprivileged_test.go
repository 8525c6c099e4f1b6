package doctor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wolgate/internal/doctor"
	"wolgate/internal/lantest"
)

// childFile names the file into which TestChild writes its report, in a process
// without privileges.
const (
	childFile  = "DOCTOR_REPORT"
	childSetup = "DOCTOR_SETUP"
)

func TestChild(t *testing.T) {
	path := os.Getenv(childFile)
	if path == "" {
		return // it is for the other tests to start it
	}
	lantest.Require(t)
	var s setup
	if err := json.Unmarshal([]byte(os.Getenv(childSetup)), &s); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s.examine(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// unprivileged returns what a doctor without any capability reports.
func (s setup) unprivileged(t *testing.T) doctor.Report {
	t.Helper()
	dir := lantest.SharedDir(t)
	program := filepath.Join(dir, "program")
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(program, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(program, 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	cmd := lantest.Unprivileged(t, program, "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childFile+"="+filepath.Join(dir, "report"), childSetup+"="+string(text))
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	text, err = os.ReadFile(filepath.Join(dir, "report"))
	if err != nil {
		t.Fatal(err)
	}
	var r doctor.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWithoutPrivileges(t *testing.T) {
	const freePort, lowPort = 40009, 9
	for name, tt := range map[string]struct {
		setup
		rules        string
		heard, known bool
		seen         int
		codes        []string
		detail       string
	}{
		"healthy":              {setup{Port: freePort}, "", true, true, 2, nil, "came back to a socket of this host, and left as far as the interface's counter tells (other packets may have moved it), to all 2 destinations"},
		"low port":             {setup{Port: lowPort}, "", true, true, 2, nil, "a second probe went to port "},
		"low port refused":     {setup{Port: lowPort}, hook("output", "udp dport 9"), false, true, 0, []string{"firewall lana"}, "operation not permitted"},
		"low port dropped":     {setup{Port: lowPort}, egress("lana", "udp dport 9"), false, true, 0, []string{"firewall lana"}, "queue is full"},
		"all but the low port": {setup{Port: lowPort}, hook("output", "udp dport != 9"), false, false, 0, nil, "not heard back, although"},
		"IPv6":                 {setup{Port: freePort, IPv6: true}, "", true, true, 2, nil, "[ff02::1%lana]:40009: accepted by the kernel; only IPv4 broadcasts can be heard back"},
		"raw":                  {setup{Port: freePort, Raw: true}, "", true, true, 2, []string{"raw_refused"}, "to all 2 destinations"},
		"output":               {setup{Port: freePort}, hook("output", "udp dport 40009"), false, true, 0, []string{"firewall lana"}, "operation not permitted"},
		"egress":               {setup{Port: freePort}, egress("lana", ""), false, true, 0, []string{"firewall lana"}, "queue is full"},
		"input":                {setup{Port: freePort}, hook("input", "udp dport 40009"), false, false, 0, nil, "a firewall may keep it from this host's own sockets; as root (CAP_NET_RAW), doctor sees what leaves"},
	} {
		t.Run(name, func(t *testing.T) {
			l := lantest.New(t, "lana", "10.10.0.1/24", "fe80::1/64")
			if tt.rules != "" {
				lantest.Firewall(t, tt.rules)
			}
			r := tt.unprivileged(t)
			p := find(t, r, "lana").Probe
			if p.Method != doctor.OwnBroadcast || r.OK != tt.heard || p.Heard != tt.heard || p.Known != tt.known || len(p.Seen) != tt.seen || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("ok %v, probe %+v", r.OK, p)
			}
			if !slices.Equal(codes(r.Findings), tt.codes) {
				t.Errorf("found %v, want %v", r.Findings, tt.codes)
			}
			for _, to := range p.Seen {
				if !strings.HasSuffix(to, fmt.Sprintf(":%d", tt.Port)) {
					t.Errorf("seen to %s, which is no destination", to)
				}
			}
			arrived := 0
			for _, f := range l.Collect(quiet) {
				if f.DstPort == tt.Port {
					arrived++
				}
			}
			if p.Known && tt.heard != (arrived > 0) {
				t.Errorf("%d frames arrived", arrived)
			}
		})
	}
}

func TestWithoutPrivilegesDestinations(t *testing.T) {
	for name, tt := range map[string]struct {
		destinations string
		heard, known bool
		detail       string
	}{
		"broadcast":       {"10.10.0.255", true, true, "came back"},
		"of another port": {"10.10.0.255:40010", true, true, "a second probe went to port "},
		"router":          {"192.168.20.255", false, false, "only IPv4 broadcasts can be heard back"},
		"loopback":        {"127.255.255.255", false, true, "stays on this host"},
		"both":            {"192.168.20.255,10.10.0.255", true, true, "to 1 of 2 destinations"},
	} {
		t.Run(name, func(t *testing.T) {
			lantest.New(t, "lana", "10.10.0.1/24").DefaultRoute()
			r := setup{Port: 40009, Fixed: tt.destinations}.unprivileged(t)
			if p := find(t, r, "").Probe; r.OK != tt.heard || p.Heard != tt.heard || p.Known != tt.known || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("ok %v, probe %+v", r.OK, p)
			}
		})
	}
}
