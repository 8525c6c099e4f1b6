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

// host is a host that is built for the doctor, and what it has to say of it.
type host struct {
	build    func(t *testing.T)
	args     []string
	ok       bool              // a LAN hears it
	findings []string          // codes, sorted
	root     map[string]string // the files that a container or a virtual machine has

	// alone is the one way of running it that makes sense, or "" for both.
	alone string
}

// TestDoctor builds healthy hosts and every silent failure, and asks the real
// program about them: with a packet socket, and without any privilege.
func TestDoctor(t *testing.T) {
	lantest.Require(t)
	lan := func(t *testing.T) *lantest.LAN {
		l := lantest.New(t, "lan0", "10.80.0.1/24")
		l.DefaultRoute()
		return l
	}
	bin := filepath.Join(build(t), "wol-server")
	for name, tt := range map[string]host{
		"healthy": {ok: true, build: func(t *testing.T) { lan(t) }},
		"healthy, with all that a host may have besides": {ok: true, build: func(t *testing.T) {
			lan(t)
			lantest.New(t, "lan1", "10.81.0.1/24", "fe80::1/64")
			lantest.New(t, "unused0").CarrierOff()
			lantest.Bridge(t, "docker0", "172.17.0.1/16")
			lantest.Tunnel(t, "tun0", "10.8.0.2/24")
		}},
		"healthy, every kind of packet": {ok: true, args: []string{"--ipv6", "--raw"}, alone: "root", build: func(t *testing.T) {
			lantest.New(t, "lan0", "10.80.0.1/24", "fe80::1/64")
		}},
		"healthy bridge": {ok: true, build: func(t *testing.T) {
			lantest.Bridge(t, "lanbr0", "10.80.0.1/24").AddPort(lantest.New(t, "lan0"))
		}},
		"healthy, no IPv4 address": {ok: true, build: func(t *testing.T) { lantest.New(t, "lan0") }},
		"destination on the LAN":   {ok: true, args: []string{"--destinations", "10.80.0.255"}, build: func(t *testing.T) { lan(t) }},

		"default route into a VPN": {ok: true, findings: []string{"vpn"}, build: func(t *testing.T) {
			lan(t)
			lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRoute()
		}},
		"OpenVPN's default route": {ok: true, findings: []string{"vpn"}, build: func(t *testing.T) {
			lan(t)
			lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRouteHalves()
		}},
		"destination in a VPN": {findings: []string{"vpn"}, args: []string{"--destinations", "10.99.0.255"}, build: func(t *testing.T) {
			lan(t)
			lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRouteHalves()
		}},
		"nothing but a VPN": {findings: []string{"no_interface", "vpn"}, build: func(t *testing.T) {
			lantest.Tunnel(t, "tun0", "10.8.0.2/24").DefaultRoute()
		}},
		"no network": {findings: []string{"no_interface"}, build: func(*testing.T) {}},
		"bridge without ports": {findings: []string{"bridge_without_ports", "no_interface"}, build: func(t *testing.T) {
			lantest.Bridge(t, "lanbr0", "10.80.0.1/24")
		}},
		"bridge that lost its port": {findings: []string{"no_carrier"}, ok: true, build: func(t *testing.T) {
			l := lantest.New(t, "lan0")
			b := lantest.Bridge(t, "lanbr0", "10.80.0.1/24")
			b.AddPort(l)
			b.RemovePort(l)
		}},
		"no carrier": {findings: []string{"no_carrier", "no_interface"}, build: func(t *testing.T) { lan(t).CarrierOff() }},
		"down":       {findings: []string{"down", "no_interface"}, build: func(t *testing.T) { lan(t).Down() }},
		"one of two without carrier": {ok: true, findings: []string{"no_carrier"}, build: func(t *testing.T) {
			lan(t)
			lantest.New(t, "lan1", "10.81.0.1/24").CarrierOff()
		}},
		"missing":            {ok: true, findings: []string{"missing"}, args: []string{"--interfaces", "lan0,lan7"}, build: func(t *testing.T) { lan(t) }},
		"stays on this host": {findings: []string{"local_only"}, args: []string{"--destinations", "127.255.255.255:40009"}, build: func(t *testing.T) { lan(t) }},
		"firewall refuses": {findings: []string{"firewall"}, build: func(t *testing.T) {
			lan(t)
			lantest.Firewall(t, "table inet f { chain out { type filter hook output priority 0; udp dport 9 drop; udp dport >= 1024 drop; }; }")
		}},
		"firewall drops behind the kernel's back": {findings: []string{"firewall"}, build: func(t *testing.T) {
			lan(t)
			lantest.Firewall(t, "table netdev f { chain out { type filter hook egress device lan0 priority 0; meta l4proto udp drop; }; }")
		}},
		"firewall drops below a bridge": {alone: "root", findings: []string{"firewall"}, build: func(t *testing.T) {
			lantest.Bridge(t, "lanbr0", "10.80.0.1/24").AddPort(lantest.New(t, "lan0"))
			lantest.Firewall(t, "table bridge f { chain out { type filter hook output priority 0; ip protocol udp drop; }; }")
		}},
		"bridge with a dead uplink and a guest": {findings: []string{"no_carrier"}, build: func(t *testing.T) {
			uplink, b := lantest.New(t, "lan0"), lantest.Bridge(t, "vmbr0", "10.80.0.1/24")
			b.AddPort(uplink)
			b.AddPort(lantest.New(t, "fwpr100p0"))
			uplink.CarrierOff()
		}},
		"bridge of guests beside a LAN": {ok: true, findings: []string{"no_carrier"}, build: func(t *testing.T) {
			lan(t)
			lantest.Bridge(t, "vmbr1", "10.81.0.1/24").AddPort(lantest.New(t, "vnet0"))
		}},
		"firewall drops at one of two uplinks": {alone: "root", ok: true, findings: []string{"firewall"}, build: func(t *testing.T) {
			b := lantest.Bridge(t, "lanbr0", "10.80.0.1/24")
			b.AddPort(lantest.New(t, "lan0"))
			b.AddPort(lantest.New(t, "lan1"))
			lantest.Firewall(t, "table netdev f { chain out { type filter hook egress device lan1 priority 0; drop; }; }")
		}},
		"destination behind a router":              {args: []string{"--destinations", "10.99.0.255"}, build: func(t *testing.T) { lan(t) }},
		"destination behind a router, and the LAN": {ok: true, args: []string{"--destinations", "10.99.0.255,10.80.0.255"}, build: func(t *testing.T) { lan(t) }},
		"no route": {findings: []string{"no_route"}, args: []string{"--destinations", "10.99.0.255"}, build: func(t *testing.T) {
			lantest.New(t, "lan0", "10.80.0.1/24")
		}},
		"a zone that is not there":          {ok: true, findings: []string{"no_route"}, args: []string{"--destinations", "[ff02::1%nope0]:9,10.80.0.255"}, build: func(t *testing.T) { lan(t) }},
		"raw frames without the capability": {ok: true, findings: []string{"raw_refused"}, alone: "powerless", args: []string{"--raw"}, build: func(t *testing.T) { lan(t) }},

		"container on a bridge network": {findings: []string{"container"}, root: map[string]string{".dockerenv": ""}, build: func(t *testing.T) {
			lantest.New(t, "eth0", "172.17.0.2/16").DefaultRouteVia("172.17.0.1")
		}},
		"container on a network of its owner's choice": {findings: []string{"container"}, root: map[string]string{".dockerenv": "", "etc/hosts": "10.80.0.1\t3f2a9c0d1e4b"}, build: func(t *testing.T) { lan(t) }},
		"namespace inside of a container":              {ok: true, root: map[string]string{".dockerenv": ""}, build: func(t *testing.T) { lan(t) }},
		"container on the host's network": {ok: true, root: map[string]string{".dockerenv": ""}, build: func(t *testing.T) {
			lan(t)
			lantest.Bridge(t, "docker0", "172.17.0.1/16")
		}},
		"Docker Desktop": {findings: []string{"virtual_machine"}, root: map[string]string{"proc/sys/kernel/osrelease": "6.10.14-linuxkit"}, build: func(t *testing.T) { lan(t) }},
		"WSL behind NAT": {findings: []string{"virtual_machine"}, root: map[string]string{"proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2"}, build: func(t *testing.T) {
			lantest.New(t, "eth0", "172.27.16.5/20").DefaultRoute()
		}},
		"virtual machine behind NAT": {findings: []string{"virtual_machine"}, root: map[string]string{"sys/class/dmi/id/sys_vendor": "QEMU"}, build: func(t *testing.T) {
			l := lantest.New(t, "lan0", "192.168.122.77/24")
			l.DefaultRouteVia("192.168.122.1")
		}},
		"virtual machine on the LAN": {ok: true, root: map[string]string{"sys/class/dmi/id/sys_vendor": "QEMU"}, build: func(t *testing.T) { lan(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			tt.build(t)
			for _, as := range []string{"root", "powerless"} {
				if tt.alone != "" && tt.alone != as {
					continue
				}
				t.Run(as, func(t *testing.T) { tt.check(t, bin, as) })
			}
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

	bin := filepath.Join(build(t), "wol-server")
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
func (h host) check(t *testing.T, bin, as string) {
	if as == "powerless" && !slices.Contains(h.findings, "no_interface") { // it sends probes, and cannot see them leave
		h.ok = false
		h.findings = slices.Sorted(slices.Values(append(slices.Clone(h.findings), "not_watched")))
	}
	code, out, notes := h.run(t, bin, as, "--json")
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
		if i.Probe != nil && (i.Probe.Method == doctor.NoMethod) != (as == "powerless") {
			t.Errorf("interface %s was watched by %s", i.Name, i.Probe.Method)
		}
	}
	code, text, _ := h.run(t, bin, as)
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

func (h host) run(t *testing.T, bin, as string, more ...string) (code int, stdout, stderr string) {
	t.Helper()
	args := slices.Concat([]string{"doctor"}, h.args, more)
	cmd := exec.Command(bin, args...)
	if as == "powerless" {
		cmd = lantest.Unprivileged(t, bin, args...)
	}
	// What the machine of the tests is (a container, perhaps) must not show.
	const script = `set -e; root=$1; shift
mount -t tmpfs none "$root"
for d in bin lib lib64 usr tmp; do
	if [ -h /$d ]; then cp -a /$d "$root/$d"; elif [ -e /$d ]; then mkdir "$root/$d"; mount --rbind /$d "$root/$d"; fi
done
while [ "$1" != -- ]; do mkdir -p "$root/$(dirname "$1")"; printf '%s\n' "$2" >"$root/$1"; shift 2; done; shift
exec chroot "$root" "$@"`
	inRoot := []string{"-m", "sh", "-c", script, "sh", t.TempDir()}
	for name, text := range h.root {
		inRoot = append(inRoot, name, text)
	}
	return finish(t, nil, exec.Command("unshare", slices.Concat(inRoot, []string{"--"}, cmd.Args)...))
}
