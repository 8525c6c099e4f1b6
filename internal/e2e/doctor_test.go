package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/doctor"
	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// host is a host that is built for the doctor, and what it must say of it.
type host struct {
	build    func(t *testing.T)
	args     []string
	ok       bool              // a LAN hears it
	findings []string          // codes, sorted
	root     map[string]string // the files that a container or a virtual machine has
	as       string            // "root", or "powerless" for a process without any capability
}

// TestDoctor asks the real program: its flags, its exit code, both forms of its
// answer, the files that it reads, and what it sees without a privilege. What it
// finds on which host is decided in internal/doctor.
func TestDoctor(t *testing.T) {
	lantest.Require(t)
	lan := func(t *testing.T) { lantest.New(t, "lan0", "10.80.0.1/24").DefaultRoute() }
	bin := filepath.Join(woltest.Build(t), "wol-server")
	for name, tt := range map[string]host{
		"healthy":                {as: "root", ok: true, build: lan},
		"healthy, not watched":   {as: "powerless", findings: []string{"not_watched"}, build: lan},
		"nothing to send on":     {as: "powerless", findings: []string{"no_interface"}, build: func(*testing.T) {}},
		"every kind of packet":   {as: "root", ok: true, args: []string{"--ipv6", "--raw"}, build: lan},
		"raw frames are refused": {as: "powerless", findings: []string{"not_watched", "raw_refused"}, args: []string{"--raw"}, build: lan},
		"missing":                {as: "root", ok: true, findings: []string{"missing"}, args: []string{"--interfaces", "lan0,lan7"}, build: lan},
		"stays on this host":     {as: "root", findings: []string{"local_only"}, args: []string{"--destinations", "127.255.255.255:40009"}, build: lan},
		"firewall refuses": {as: "powerless", findings: []string{"firewall", "not_watched"}, build: func(t *testing.T) {
			lan(t)
			lantest.Firewall(t, "table inet f { chain out { type filter hook output priority 0; udp dport 9 drop; }; }")
		}},
		"container":      {as: "root", findings: []string{"container"}, root: map[string]string{".dockerenv": "", "etc/hosts": "10.80.0.1\t3f2a9c0d1e4b"}, build: lan},
		"Docker Desktop": {as: "root", findings: []string{"virtual_machine"}, root: map[string]string{"proc/sys/kernel/osrelease": "6.10.14-linuxkit"}, build: lan},
	} {
		t.Run(name, func(t *testing.T) {
			tt.build(t)
			tt.check(t, bin)
		})
	}
}

// TestInterfacesSayWhatTheDoctorSays asks all three about one host with something of
// everything. The two routes send nothing.
func TestInterfacesSayWhatTheDoctorSays(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.80.0.1/24", "10.82.0.1/31")
	lan.DefaultRoute()
	lantest.New(t, "lan1", "10.81.0.1/24").CarrierOff()
	lantest.Bridge(t, "docker0", "172.17.0.1/16")
	lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRouteHalves()
	st := start(t, setup{daemon: []string{"--ipv6"}})

	bin := filepath.Join(woltest.Build(t), "wol-server")
	var report struct {
		OK bool
		wol.Interfaces
	}
	socket := dial(t, st.socket)
	var own, outside wol.Interfaces
	ask := func() {
		var err error
		if own, err = socket.Interfaces(t.Context(), wol.NewRequestID()); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(st.ask(t, http.MethodGet, "/api/v1/interfaces", "").body, &outside); err != nil {
			t.Fatal(err)
		}
	}
	// They may differ for the second or two in which an IPv6 address that the kernel
	// has made cannot be used yet.
	within(t, woltest.Patience, func() bool {
		_, text, notes := run(t, nil, bin, "doctor", "--ipv6", "--json")
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			t.Fatalf("%v: %s", err, notes)
		}
		ask()
		return strings.Contains(text, "ff02::1%lan0") && cmp.Equal(report.Interfaces, own) && cmp.Equal(own, outside)
	})
	if len(own.Interfaces) != 5 || len(own.Findings) < 2 { // more where the tests run in a container
		t.Errorf("not everything is there: %+v", own)
	}
	lan.Collect(quietLAN) // the doctor's probes
	ask()
	if frames := lan.Collect(quietLAN); len(frames) > 0 {
		t.Errorf("asking sent %d packets", len(frames))
	}
}

// check runs the doctor, in JSON and for people, and compares what it says.
func (h host) check(t *testing.T, bin string) {
	code, out, notes := h.run(t, bin, "--json")
	var got doctor.Report
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("%v: %s %s", err, out, notes)
	}
	if got.OK != h.ok || (code == 0) != h.ok || code > 1 {
		t.Errorf("ok %v, exit code %d, want ok %v", got.OK, code, h.ok)
	}
	codes := []string{}
	for _, f := range got.Findings {
		codes = append(codes, f.Code)
		if f.Message == "" || f.Cure == "" {
			t.Errorf("finding without a message or a cure: %+v", f)
		}
	}
	slices.Sort(codes)
	if diff := cmp.Diff(append([]string{}, h.findings...), codes); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, i := range got.Interfaces {
		if i.Eligible != (i.Probe != nil) {
			t.Errorf("interface %s: eligible %v, probe %+v", i.Name, i.Eligible, i.Probe)
		}
		if i.Probe != nil && (i.Probe.Method == doctor.NoMethod) != (h.as == "powerless") {
			t.Errorf("interface %s was watched by %s", i.Name, i.Probe.Method)
		}
	}
	code, text, _ := h.run(t, bin)
	if (code == 0) != h.ok {
		t.Errorf("for people: exit code %d", code)
	}
	for _, f := range got.Findings {
		if !strings.Contains(text, "\n"+f.Code) || !strings.Contains(text, f.Cure) {
			t.Errorf("the text lacks the finding %q", f.Code)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s\n%s", out, text, notes)
	}
}

func (h host) run(t *testing.T, bin string, more ...string) (code int, stdout, stderr string) {
	t.Helper()
	args := slices.Concat([]string{"doctor"}, h.args, more)
	cmd := exec.Command(bin, args...)
	if h.as == "powerless" {
		cmd = lantest.Unprivileged(t, bin, args...)
	}
	// What the machine of the tests is (a container, perhaps) must not show.
	const script = `set -e; root=$1; shift
mount -t tmpfs none "$root"
for d in bin lib lib64 usr tmp; do
	if [ -h /$d ]; then ln -s "$(readlink /$d)" "$root/$d"; elif [ -e /$d ]; then mkdir "$root/$d"; mount --rbind /$d "$root/$d"; fi
done
while [ "$1" != -- ]; do mkdir -p "$root/$(dirname "$1")"; printf '%s\n' "$2" >"$root/$1"; shift 2; done; shift
exec chroot "$root" "$@"`
	inRoot := []string{"-m", "sh", "-c", script, "sh", t.TempDir()}
	for name, text := range h.root {
		inRoot = append(inRoot, name, text)
	}
	return finish(t, nil, exec.Command("unshare", slices.Concat(inRoot, []string{"--"}, cmd.Args)...))
}
