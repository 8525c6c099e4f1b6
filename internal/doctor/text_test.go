package doctor

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	r := Report{
		OK: true,
		Interfaces: []Examined{
			{
				Interface: wol.Interface{Name: "eth0", Eligible: true, Addresses: []string{"192.168.1.10/24"}, Destinations: []string{"255.255.255.255:9", "192.168.1.255:9"}, Routes: []string{"default via 192.168.1.1", "192.168.1.0/24"}},
				Probe:     &ProbeResult{Heard: true, Known: true, Detail: "seen leaving the card, to all 2 destinations"},
			},
			{Interface: wol.Interface{Name: "eth1", Eligible: true}, Probe: &ProbeResult{Known: true, Detail: "accepted by the kernel, and not seen leaving"}},
			{Interface: wol.Interface{Name: "eth2", Eligible: true}, Probe: &ProbeResult{Detail: "nothing could watch"}},
			{Interface: wol.Interface{Name: "eth3", Failing: true, Reason: "no carrier", Cure: "plug its cable in", Addresses: []string{"10.0.0.1/24"}}},
			{Interface: wol.Interface{Name: "docker0", Reason: "excluded by --exclude-interfaces", Cure: "name it in --interfaces"}},
		},
		Findings: []wol.Finding{
			{Code: "vpn", Interface: "tun0", Message: "a tunnel", Cure: "another"},
			{Code: "no_interface", Message: "none"},
		},
	}
	const want = `eth0: eligible
  addresses     192.168.1.10/24
  destinations  255.255.255.255:9, 192.168.1.255:9
  routes        default via 192.168.1.1, 192.168.1.0/24
  probe         heard: seen leaving the card, to all 2 destinations
eth1: eligible
  probe         not heard: accepted by the kernel, and not seen leaving
eth2: eligible
  probe         unknown: nothing could watch
eth3: not eligible: no carrier
  cure          plug its cable in
docker0: not eligible: excluded by --exclude-interfaces
vpn (tun0): a tunnel
  cure: another
no_interface: none
At least one LAN hears this host: eth0.
`
	var got strings.Builder
	if err := r.Write(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := r.Write(full{}); !errors.Is(err, errFull) {
		t.Errorf("to a full disk: %v", err)
	}
}

var errFull = errors.New("no space")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestVerdict(t *testing.T) {
	t.Parallel()
	eth0 := wol.Interface{Name: "eth0", Eligible: true}
	confined := []wol.Finding{{Code: container}}
	for want, reports := range map[string][]Report{
		"At least one LAN hears this host: --destinations.": {
			{OK: true, Interfaces: []Examined{{Interface: wol.Interface{Eligible: true}, Probe: &ProbeResult{Heard: true, Known: true}}}},
		},
		"No LAN hears this host: see above.": {
			{},
			{Interfaces: []Examined{{Interface: eth0, Probe: &ProbeResult{Known: true}}}},
			{Interfaces: []Examined{{Interface: eth0, Probe: &ProbeResult{Heard: true, Known: true}}}, Findings: confined},
			{Interfaces: []Examined{{Interface: eth0, Probe: &ProbeResult{}}}, Findings: confined},
		},
		"It could not be seen whether a LAN hears this host: see above.": {
			{Interfaces: []Examined{{Interface: eth0, Probe: &ProbeResult{}}}},
		},
	} {
		for _, r := range reports {
			if got := r.Verdict(); got != want {
				t.Errorf("%+v: %s", r, got)
			}
		}
	}
}

// TestPrintable has names that the kernel allows.
func TestPrintable(t *testing.T) {
	t.Parallel()
	r := Report{Interfaces: []Examined{{Interface: wol.Interface{Name: "e\x1b[2J\xff", Reason: "excluded"}}}}
	var got strings.Builder
	if err := r.Write(&got); err != nil {
		t.Fatal(err)
	}
	if want := `e\x1b[2J\xff: not eligible: excluded` + "\n"; !strings.HasPrefix(got.String(), want) {
		t.Errorf("got %q", got.String())
	}
	if got := printable("e\xff"); got != `e\xff` {
		t.Errorf("no UTF-8: %s", got)
	}
	if got := printable(`plain "한국어" \`); got != `plain "한국어" \` {
		t.Errorf("changed to %s", got)
	}
	if c := (&probeRun{port: 9}).cure("eth0;reboot"); strings.Contains(c, "reboot") || !strings.Contains(c, "dev INTERFACE egress") {
		t.Errorf("a command from a name: %s", c)
	}
}
