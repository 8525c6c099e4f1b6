package boot_test

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
)

func powerless(t *testing.T, m *machine) {
	for _, unit := range []string{"wol-server", "api-server"} {
		status := m.sh(t, "cat /proc/"+m.property(t, unit, "MainPID")+"/status")
		for _, want := range []string{`CapEff:\s+0+\n`, `CapBnd:\s+0+\n`, `NoNewPrivs:\s+1\n`, `Seccomp:\s+2\n`, `Uid:\s+[1-9]`} {
			if !regexp.MustCompile(want).MatchString(status) {
				t.Errorf("%s: %s is not in:\n%s", unit, want, status)
			}
		}
	}
	if mode := m.sh(t, "stat -c '%a %U %G' /run/wol-server /run/wol-server/wol-server.sock"); mode != "750 wol-server wol-server\n660 wol-server wol-server" {
		t.Errorf("directory and socket: %q", mode)
	}
	if mode := m.sh(t, "stat -c '%a %U %G' /etc/api-server /etc/api-server/keys.json"); mode != "750 api-server api-server\n600 api-server api-server" {
		t.Errorf("directory and keys: %q", mode)
	}
}

// filtered: what the programs do besides a wake by IPv4 passes the filters as well: they
// list the interfaces, which takes netlink, send by IPv6, read a file of MACs, and know
// who calls.
func filtered(t *testing.T, m *machine) {
	admin := m.sh(t, "api-server keys add admin --scope admin 2>/dev/null")
	var status int
	var body string
	m.eventually(patience, func() bool { // the gateway follows the file within a second
		status, body, _ = call(http.MethodGet, "/api/v1/interfaces", admin)
		return status != http.StatusUnauthorized
	})
	if status != http.StatusOK || !strings.Contains(body, `"lan0"`) {
		t.Errorf("interfaces: %d, %s", status, body)
	}
	m.sh(t, "api-server keys revoke admin 2>/dev/null; echo 02:99:99:99:99:99 > /etc/wolgate/allow")
	undo := m.write(t, "wol-server", "WOL_IPV6=true")
	undoAllow := m.write(t, "wol-server", "WOL_ALLOW=/etc/wolgate/allow")
	m.sh(t, "systemctl restart wol-server")
	if status, _, body, err := m.request(); err != nil || status != http.StatusForbidden {
		t.Errorf("a target that is not in the file: %v, %d, %s", err, status, body)
	}
	undoAllow()
	m.sh(t, "rm /etc/wolgate/allow; systemctl restart wol-server")
	m.wake(t)
	m.frame(t, func(f lantest.Frame) bool { return f.EtherType == lantest.EtherTypeIPv6 && f.DstPort == 9 })
	undo()
	for ids, want := range map[string]int{"$(id -u wol-server),$(id -u api-server)": http.StatusOK, "$(id -u wol-server)": http.StatusServiceUnavailable} {
		undo := m.write(t, "wol-server", "WOL_ALLOW_UIDS="+ids)
		m.sh(t, "systemctl restart wol-server")
		if status, _, body, err := m.request(); err != nil || status != want {
			t.Errorf("peers of %s: %v, %d, %s; want %d", ids, err, status, body, want)
		}
		undo()
	}
	m.sh(t, "systemctl restart wol-server")
	if said, err := m.try(`journalctl --no-pager -o cat -u wol-server -u api-server | grep -iE 'not permitted|not supported|denied'`); err == nil {
		t.Errorf("something was refused:\n%s", said)
	}
}

// egress: the daemon sends to LANs only and the gateway talks to this host only, also
// where they are told otherwise.
func egress(t *testing.T, m *machine) {
	if !unified() {
		skip.Because(t, "IPAddressDeny= needs control groups of version 2")
	}
	m.lan.DefaultRoute() // so that a way out there would be
	undo := m.write(t, "wol-server", "WOL_DESTINATIONS=192.0.2.1:53,192.168.77.255")
	m.sh(t, "systemctl restart wol-server")
	m.lan.Collect(time.Second) // copies of earlier wakes
	status, _, body, err := m.request()
	if err != nil || status != http.StatusOK || !strings.Contains(body, `"partial"`) || !strings.Contains(body, "operation not permitted") {
		t.Errorf("%v, %d, %s", err, status, body)
	}
	arrived := m.lan.Collect(2 * time.Second)
	for _, f := range arrived {
		if f.DstIP.String() != "192.168.77.255" {
			t.Errorf("a packet for %s:%d left", f.DstIP, f.DstPort)
		}
	}
	if len(arrived) == 0 {
		t.Error("no packet reached the LAN")
	}
	undo()
	m.sh(t, "systemctl restart wol-server")

	undo = m.write(t, "api-server", "API_LISTEN=:8080")
	m.sh(t, "systemctl restart api-server")
	if conn, err := net.DialTimeout("tcp", "192.168.77.10:8080", time.Second); err == nil {
		t.Errorf("the gateway talks to %s", conn.LocalAddr())
		_ = conn.Close()
	}
	m.wake(t) // over 127.0.0.1
	undo()
	m.sh(t, "systemctl restart api-server")
}

// warnings: the journal keeps each line with its priority, and the line as it was.
func warnings(t *testing.T, m *machine) {
	undo := m.write(t, "wol-server", "WOL_NONSENSE=1")
	m.sh(t, "systemctl restart wol-server")
	undo()
	all := m.sh(t, "journalctl --no-pager -o cat -u wol-server")
	warned := m.sh(t, "journalctl --no-pager -o cat -p warning -u wol-server")
	if !regexp.MustCompile(`(?m)^\{"time":.*"level":"WARN".*WOL_NONSENSE`).MatchString(warned) {
		t.Errorf("no warning of the setting in:\n%s", warned)
	}
	if !strings.Contains(all, `"level":"INFO"`) || strings.Contains(warned, `"level":"INFO"`) {
		t.Errorf("lines that are no warnings are among them:\n%s", warned)
	}
	audit := m.sh(t, `journalctl --no-pager -o cat -u api-server | grep '"msg":"audit"' | tail -n 1`)
	if !strings.HasPrefix(audit, "{") {
		t.Errorf("an audit line is %q", audit)
	}
}

// rawFrames has the drop-in installed as its own comment says.
func rawFrames(t *testing.T, m *machine) {
	const dropIn = "/etc/systemd/system/wol-server.service.d/raw.conf"
	m.sh(t, "install -D -m 0644 /opt/wolgate/deploy/systemd/wol-server-raw.conf "+dropIn+" && systemctl daemon-reload && systemctl restart wol-server")
	status, mac, body, err := m.request()
	if err != nil || status != http.StatusOK {
		t.Errorf("%v, %d, %s", err, status, body)
	}
	m.frame(t, func(f lantest.Frame) bool {
		return f.EtherType == lantest.EtherTypeWake && len(f.Payload) >= 102 && [6]byte(f.Payload[6:12]) == mac
	})
	t.Logf("exposure with it: %.1f", exposure(t, m.sh(t, "systemd-analyze security --no-pager wol-server.service")))
	m.sh(t, "rm -r /etc/systemd/system/wol-server.service.d && systemctl daemon-reload && systemctl restart wol-server")
	m.wake(t)
}
