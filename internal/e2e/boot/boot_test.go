package boot_test

import (
	"regexp"
	"strings"
	"testing"
)

const (
	install   = "/opt/wolgate/deploy/systemd/install.sh"
	uninstall = "/opt/wolgate/deploy/systemd/uninstall.sh"
)

// step is a part of the life of an installation; they follow each other.
type step struct {
	name      string
	essential bool // without it the following ones say nothing
	run       func(*testing.T, *machine)
}

func steps() []step {
	var clean string // what the system holds before the first installation
	return []step{
		{"scripts need root", false, refuseOthers},
		{"install", true, func(t *testing.T, m *machine) {
			clean = m.files(t)
			said := m.sh(t, install)
			if m.key = regexp.MustCompile(`wol_\S+`).FindString(said); m.key == "" {
				t.Fatalf("no key in:\n%s", said)
			}
			running(t, m)
			m.wake(t)
		}},
		{"processes have no power", false, powerless},
		{"exposure", false, func(t *testing.T, m *machine) {
			for _, unit := range []string{"wol-server.service", "api-server.service"} {
				t.Logf("%s: %.1f", unit, exposure(t, m.sh(t, "systemd-analyze security --no-pager "+unit)))
			}
		}},
		{"filters leave what is needed", false, filtered},
		{"egress is fenced", false, egress},
		{"killed", false, killed},
		{"restarted under calls", false, restartedUnderCalls},
		{"stuck", false, stuck},
		{"a socket that is gone", false, socketGone},
		{"a wrong setting", false, wrongSetting},
		{"warnings in the journal", false, warnings},
		{"raw frames", false, rawFrames},
		{"upgrade", false, func(t *testing.T, m *machine) {
			m.sh(t, "echo '# an older version' >> /etc/systemd/system/wol-server.socket")
			installAgain(t, m)
		}},
		{"power off and on", true, func(t *testing.T, m *machine) {
			m.off(t)
			m.boot(t)
			running(t, m)
			m.wake(t)
		}},
		{"uninstall and install again", true, func(t *testing.T, m *machine) {
			m.sh(t, uninstall)
			gone(t, m)
			installAgain(t, m)
		}},
		{"purge", false, func(t *testing.T, m *machine) {
			m.sh(t, uninstall+" --purge")
			gone(t, m)
			if left := m.files(t); left != clean {
				t.Errorf("before:\n%s\nafter:\n%s", clean, left)
			}
			m.sh(t, uninstall+" --purge") // there is nothing to do, and that is well
		}},
		{"a user without a group of its name", false, func(t *testing.T, m *machine) {
			m.sh(t, "groupadd others && useradd --system --gid others --no-create-home wol-server")
			m.sh(t, install)
			running(t, m)
		}},
		{"a disk that is full", false, fullDisk},
	}
}

// files lists what an installation could leave. Accounts are lines of files.
func (m *machine) files(t *testing.T) string {
	t.Helper()
	return m.sh(t, `find /etc /usr/local /opt /run/wol-server -not -name '*-' -not -path '/etc/systemd/system/*.wants' 2>/dev/null | sort; cut -d: -f1 /etc/passwd /etc/group /etc/shadow /etc/gshadow`)
}

// fullDisk: of both programs or of none there is a new one, and no part of one is left.
func fullDisk(t *testing.T, m *machine) {
	m.sh(t, "mount -t tmpfs -o size=60m small /usr/local/bin && cp /opt/wolgate/bin/* /usr/local/bin") // twice is 76 MiB
	const both = "stat -c '%n %i' /usr/local/bin/*"
	before := m.sh(t, both)
	if said, err := m.try(install); err == nil || !strings.Contains(said, "No space left") {
		t.Errorf("%v, %q", err, said)
	}
	if after := m.sh(t, both); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	running(t, m)
	m.sh(t, "umount --lazy /usr/local/bin")
}

func refuseOthers(t *testing.T, m *machine) {
	for _, script := range []string{install, uninstall} {
		said, err := m.try("setpriv --reuid=65534 --regid=65534 --clear-groups " + script)
		if err == nil || !strings.Contains(said, "needs root") {
			t.Errorf("%v, %q", err, said)
		}
	}
}

// running: both say that they are ready before systemd calls them active (Type=notify).
func running(t *testing.T, m *machine) {
	t.Helper()
	for _, unit := range []string{"wol-server.socket", "wol-server.service", "api-server.service"} {
		if state, kind := m.property(t, unit, "ActiveState"), m.property(t, unit, "Type"); state != "active" || strings.HasSuffix(unit, ".service") && kind != "notify" {
			t.Fatalf("%s is %s, of type %q", unit, state, kind)
		}
	}
}

// installAgain: keys and settings of the user are still there afterwards.
func installAgain(t *testing.T, m *machine) {
	t.Helper()
	const kept = "sha256sum /etc/api-server/keys.json /etc/wolgate/*"
	before := m.sh(t, kept)
	said := m.sh(t, install)
	if strings.Contains(said, "wol_") {
		t.Errorf("a second first key:\n%s", said)
	}
	if after := m.sh(t, kept); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	running(t, m)
	m.wake(t)
	for _, unit := range []string{"wol-server", "api-server"} { // a program that was replaced is "(deleted)"
		if exe := m.sh(t, "readlink /proc/"+m.property(t, unit, "MainPID")+"/exe"); exe != "/usr/local/bin/"+unit {
			t.Errorf("%s is still %s", unit, exe)
		}
	}
}

// gone: no unit, program or process is left.
func gone(t *testing.T, m *machine) {
	t.Helper()
	if said, err := m.try("ls /usr/local/bin/wol-server /usr/local/bin/api-server /run/wol-server /etc/systemd/system/*/wol-server* /etc/systemd/system/wol-server* /etc/systemd/system/api-server*"); err == nil || strings.Contains(said, "\n/") {
		t.Errorf("left: %s", said)
	}
	if said := m.sh(t, "cat /proc/[0-9]*/comm"); strings.Contains(said, "-server") {
		t.Errorf("still running: %s", said)
	}
}

// write adds a line to the settings of a unit, and returns what takes it away.
func (m *machine) write(t *testing.T, unit, line string) (undo func()) {
	t.Helper()
	file := "/etc/wolgate/" + unit + ".env"
	m.sh(t, "echo "+line+" >> "+file)
	return func() { m.sh(t, "sed -i '$d' "+file) }
}
