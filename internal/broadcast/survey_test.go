package broadcast

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

const (
	running = net.FlagUp | net.FlagRunning | net.FlagBroadcast | net.FlagMulticast
	noCable = net.FlagUp | net.FlagBroadcast | net.FlagMulticast
	off     = net.FlagBroadcast | net.FlagMulticast
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func names(t *testing.T, list string) Names {
	t.Helper()
	n, err := ParseNames(list)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// always is a kernel that broadcasts every directed broadcast.
func always(netip.Addr, int) string { return "" }

func TestSurveyDecides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		link   rtnetlink.Link
		only   string
		reason string   // "" means eligible
		to     []string // where packets go
		down   []string // what the receipt calls failed
	}{
		"plain":            {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("192.168.1.10/24")}, to: []string{"255.255.255.255:9", "192.168.1.255:9"}},
		"no address":       {link: rtnetlink.Link{Name: "eth0", Flags: running}, to: []string{"255.255.255.255:9"}},
		"two prefixes":     {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("192.168.1.10/24", "10.1.2.3/8")}, to: []string{"255.255.255.255:9", "192.168.1.255:9", "10.255.255.255:9"}},
		"same prefix":      {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("192.168.1.10/24", "192.168.1.11/24")}, to: []string{"255.255.255.255:9", "192.168.1.255:9"}},
		"/20":              {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("172.16.33.1/20")}, to: []string{"255.255.255.255:9", "172.16.47.255:9"}},
		"/30":              {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("10.0.0.1/30")}, to: []string{"255.255.255.255:9", "10.0.0.3:9"}},
		"/31":              {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("10.0.0.0/31")}, to: []string{"255.255.255.255:9"}},
		"/0":               {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("10.0.0.1/0")}, to: []string{"255.255.255.255:9"}},
		"arp off":          {link: rtnetlink.Link{Name: "eth0", Flags: running, NoARP: true, Addresses: prefixes("10.0.0.1/24")}, reason: "without ARP, its broadcasts would have no address"},
		"/32":              {link: rtnetlink.Link{Name: "eth0", Flags: running, Addresses: prefixes("10.0.0.1/32")}, to: []string{"255.255.255.255:9"}},
		"loopback":         {link: rtnetlink.Link{Name: "lo", Flags: net.FlagUp | net.FlagRunning | net.FlagLoopback}, reason: "leads to no other host"},
		"named loopback":   {link: rtnetlink.Link{Name: "lo", Flags: net.FlagUp | net.FlagRunning | net.FlagLoopback}, only: "lo", reason: "leads to no other host"},
		"vpn":              {link: rtnetlink.Link{Name: "ppp0", Flags: net.FlagUp | net.FlagRunning | net.FlagPointToPoint}, reason: "point-to-point, it has no broadcast"},
		"no broadcast":     {link: rtnetlink.Link{Name: "ib0", Flags: net.FlagUp | net.FlagRunning}, reason: "not capable of broadcast"},
		"docker":           {link: rtnetlink.Link{Name: "docker0", Flags: running, Addresses: prefixes("172.17.0.1/16")}, reason: "excluded by --exclude-interfaces"},
		"docker down":      {link: rtnetlink.Link{Name: "docker0", Flags: noCable, Addresses: prefixes("172.17.0.1/16")}, reason: "excluded by --exclude-interfaces"},
		"docker by name":   {link: rtnetlink.Link{Name: "docker0", Flags: running}, only: "docker0", to: []string{"255.255.255.255:9"}},
		"not named":        {link: rtnetlink.Link{Name: "eth1", Flags: running}, only: "eth0,wl*", reason: "not named by --interfaces", down: []string{"eth0 255.255.255.255:9 no such network interface"}},
		"named by glob":    {link: rtnetlink.Link{Name: "wlan0", Flags: running}, only: "wl*", to: []string{"255.255.255.255:9"}},
		"down, configured": {link: rtnetlink.Link{Name: "eth0", Flags: off, Addresses: prefixes("10.0.0.1/24")}, reason: "network is down", down: []string{"eth0 255.255.255.255:9 network is down", "eth0 10.0.0.255:9 network is down"}},
		"down, unused":     {link: rtnetlink.Link{Name: "eth0", Flags: off}, reason: "network is down"},
		"down, by name":    {link: rtnetlink.Link{Name: "eth0", Flags: off}, only: "eth0", reason: "network is down", down: []string{"eth0 255.255.255.255:9 network is down"}},
		"cable out":        {link: rtnetlink.Link{Name: "eth0", Flags: noCable, Addresses: prefixes("10.0.0.1/24")}, reason: "no carrier", down: []string{"eth0 255.255.255.255:9 no carrier", "eth0 10.0.0.255:9 no carrier"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Selection{Only: names(t, tt.only), Except: names(t, DefaultExcept)}
			tt.link.Index = 2
			s := newSurvey([]rtnetlink.Link{tt.link}, Config{Selection: want, Port: 9}, always)
			if got := s.interfaces[0]; got.Reason != tt.reason || got.Eligible != (tt.reason == "") {
				t.Errorf("eligible %v, reason %q; want %q", got.Eligible, got.Reason, tt.reason)
			}
			var to, down []string
			for _, d := range s.destinations {
				to = append(to, d.text)
				if d.iface != tt.link.Name || len(d.control) == 0 {
					t.Errorf("%s is not tied to its interface", d.text)
				}
			}
			for _, f := range s.down {
				down = append(down, f.Interface+" "+f.Destination+" "+f.Error)
			}
			if diff := cmp.Diff(tt.to, to); diff != "" {
				t.Errorf("destinations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.down, down); diff != "" {
				t.Errorf("down (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJudgeKnowsPorts is about interfaces that belong to others.
func TestJudgeKnowsPorts(t *testing.T) {
	t.Parallel()
	bridge := func(name string, index int) rtnetlink.Link {
		return rtnetlink.Link{Name: name, Index: index, Flags: running, Kind: "bridge"}
	}
	port := func(name string, index, master int) rtnetlink.Link {
		return rtnetlink.Link{Name: name, Index: index, Flags: running, Master: master}
	}
	for name, tt := range map[string]struct {
		links []rtnetlink.Link
		only  string
		want  map[int]wol.Why
	}{
		"bridge and port":           {[]rtnetlink.Link{bridge("br0", 1), port("eth0", 2, 1), port("eth1", 3, 0)}, "", map[int]wol.Why{1: "", 2: wol.Port, 3: ""}},
		"port listed first":         {[]rtnetlink.Link{port("eth0", 1, 2), bridge("br0", 2)}, "", map[int]wol.Why{1: wol.Port, 2: ""}},
		"bridge without ports":      {[]rtnetlink.Link{bridge("br0", 1)}, "", map[int]wol.Why{1: wol.BridgeWithoutPorts}},
		"bridge excluded":           {[]rtnetlink.Link{bridge("br-lan", 1), port("eth0", 2, 1)}, "", map[int]wol.Why{1: wol.Excluded, 2: ""}},
		"bridge not named":          {[]rtnetlink.Link{bridge("br0", 1), port("eth0", 2, 1)}, "eth0", map[int]wol.Why{1: wol.NotNamed, 2: ""}},
		"excluded without ports":    {[]rtnetlink.Link{bridge("docker0", 1)}, "", map[int]wol.Why{1: wol.Excluded}},
		"bridge of a bridge":        {[]rtnetlink.Link{bridge("br0", 1), {Name: "br1", Index: 2, Flags: running, Kind: "bridge", Master: 1}, port("eth0", 3, 2)}, "", map[int]wol.Why{1: "", 2: wol.Port, 3: wol.Port}},
		"bond":                      {[]rtnetlink.Link{{Name: "bond0", Index: 1, Flags: running, Kind: "bond"}, port("eth0", 2, 1)}, "", map[int]wol.Why{1: "", 2: wol.Port}},
		"bond without carrier":      {[]rtnetlink.Link{{Name: "bond0", Index: 1, Flags: noCable, Kind: "bond"}, port("eth0", 2, 1)}, "", map[int]wol.Why{1: wol.NoCarrier, 2: ""}},
		"members of a VRF":          {[]rtnetlink.Link{{Name: "blue", Index: 1, Flags: net.FlagUp | net.FlagRunning, Kind: "vrf"}, port("eth0", 2, 1)}, "", map[int]wol.Why{1: wol.NoBroadcast, 2: ""}},
		"a port that is down":       {[]rtnetlink.Link{bridge("br0", 1), {Name: "eth0", Index: 2, Flags: off, Master: 1}}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.Down}},
		"a port that has its cable": {[]rtnetlink.Link{{Name: "br0", Index: 1, Flags: off, Kind: "bridge"}, port("eth0", 2, 1)}, "", map[int]wol.Why{1: wol.Down, 2: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judge(tt.links, Selection{Only: names(t, tt.only), Except: names(t, DefaultExcept)})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestJudgeKnowsKinds has a host whose cable is out, and what engines and VPNs have made
// under names that nobody has heard of.
func TestJudgeKnowsKinds(t *testing.T) {
	t.Parallel()
	cable := rtnetlink.Link{Name: "eth0", Index: 1, Flags: noCable, Ethernet: true}
	made := func(index int, kind string, master int) rtnetlink.Link {
		return rtnetlink.Link{Name: fmt.Sprintf("new%d", index), Index: index, Flags: running, Kind: kind, Master: master, PeerAway: kind == "veth"}
	}
	plugged := rtnetlink.Link{Name: "eth1", Index: 9, Flags: running, Ethernet: true, Master: 2}
	down := made(2, "vxlan", 0)
	down.Flags = off
	for name, tt := range map[string]struct {
		links []rtnetlink.Link
		only  string
		want  map[int]wol.Why
	}{
		"overlay":                    {[]rtnetlink.Link{cable, made(2, "vxlan", 0), made(3, "geneve", 0), made(4, "tun", 0)}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.OffLAN, 3: wol.OffLAN, 4: wol.OffLAN}},
		"overlay by name":            {[]rtnetlink.Link{cable, made(2, "vxlan", 0)}, "new2", map[int]wol.Why{1: wol.NotNamed, 2: ""}},
		"overlay that is down":       {[]rtnetlink.Link{cable, down}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.OffLAN}},
		"a container's end":          {[]rtnetlink.Link{cable, made(2, "veth", 0)}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.OffLAN}},
		"in a container":             {[]rtnetlink.Link{made(2, "veth", 0)}, "", map[int]wol.Why{2: ""}},
		"engine's bridge":            {[]rtnetlink.Link{cable, made(2, "bridge", 0), made(3, "veth", 2), made(4, "vxlan", 2)}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.OffLAN, 3: wol.OffLAN, 4: wol.OffLAN}},
		"engine's bridge by name":    {[]rtnetlink.Link{cable, made(2, "bridge", 0), made(3, "veth", 2)}, "new2", map[int]wol.Why{1: wol.NotNamed, 2: "", 3: wol.NotNamed}},
		"bridge in a container":      {[]rtnetlink.Link{made(2, "bridge", 0), made(3, "veth", 2)}, "", map[int]wol.Why{2: "", 3: wol.Port}},
		"LAN bridge with guests":     {[]rtnetlink.Link{cable, made(2, "bridge", 0), made(3, "veth", 2), plugged}, "", map[int]wol.Why{1: wol.NoCarrier, 2: "", 3: wol.OffLAN, 9: wol.Port}},
		"LAN bridge without a cable": {[]rtnetlink.Link{{Name: "eth0", Index: 1, Flags: noCable, Master: 2}, made(2, "bridge", 0), made(3, "tun", 2)}, "", map[int]wol.Why{1: wol.NoCarrier, 2: wol.NoCarrier, 3: wol.OffLAN}},
	} {
		got := judge(tt.links, Selection{Only: names(t, tt.only), Except: names(t, DefaultExcept)})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRefusedBroadcastsAreSaid has a kernel that knows one broadcast address of two.
func TestRefusedBroadcastsAreSaid(t *testing.T) {
	t.Parallel()
	refuses := func(to netip.Addr, iface int) string {
		if iface != 2 || to == netip.MustParseAddr("10.1.0.255") {
			return "why"
		}
		return ""
	}
	links := []rtnetlink.Link{{Name: "eth0", Index: 2, Flags: running, Addresses: prefixes("10.0.0.1/24", "10.1.0.1/24")}}
	s := newSurvey(links, Config{Port: 9}, refuses)
	want := []wol.Failure{{Interface: "eth0", Destination: "10.1.0.255:9", Error: "why"}}
	if diff := cmp.Diff(want, s.down); diff != "" || len(s.destinations) != 2 || !s.unsettled {
		t.Errorf("%d destinations, unsettled %v, down (-want +got):\n%s", len(s.destinations), s.unsettled, diff)
	}
}

func TestChooseOneInterface(t *testing.T) {
	t.Parallel()
	s := newSurvey([]rtnetlink.Link{
		{Name: "eth0", Index: 2, Flags: running, Addresses: prefixes("10.0.0.1/24")},
		{Name: "eth1", Index: 3, Flags: running},
		{Name: "eth2", Index: 4, Flags: off, Addresses: prefixes("10.2.0.1/24")},
		{Name: "lo", Index: 1, Flags: net.FlagUp | net.FlagRunning | net.FlagLoopback},
	}, Config{Port: 9}, always)
	for _, tt := range []struct {
		iface      string
		to, failed int
		kind       wol.Kind
	}{
		{"", 3, 2, ""}, {"eth0", 2, 0, ""}, {"eth1", 1, 0, ""},
		{"eth2", 0, 0, wol.Unavailable}, {"lo", 0, 0, wol.Invalid}, {"eth9", 0, 0, wol.Invalid},
	} {
		to, failed, err := s.choose(tt.iface)
		if len(to) != tt.to || len(failed) != tt.failed {
			t.Errorf("%q: %d destinations, %d failed", tt.iface, len(to), len(failed))
		}
		if (err == nil) != (tt.kind == "") || err != nil && wol.KindOf(err) != tt.kind {
			t.Errorf("%q: %v, want kind %q", tt.iface, err, tt.kind)
		}
	}
}

func TestParseNames(t *testing.T) {
	t.Parallel()
	if got, err := ParseNames(" eth0 , en* "); err != nil || cmp.Diff(Names{"eth0", "en*"}, got) != "" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := ParseNames(" "); err != nil || got != nil {
		t.Errorf("empty list: got %v, %v", got, err)
	}
	for _, bad := range []string{"eth0,,eth1", ",", "eth[", `eth0,a\`} {
		if got, err := ParseNames(bad); err == nil {
			t.Errorf("ParseNames(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseDestinations(t *testing.T) {
	t.Parallel()
	got, err := ParseDestinations("192.168.1.255, 10.0.0.255:7,[ff02::1%eth0]:9,::ffff:10.1.1.1", 9)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"192.168.1.255:9", "10.0.0.255:7", "[ff02::1%eth0]:9", "10.1.1.1:9"}
	var texts []string
	for _, d := range got {
		texts = append(texts, d.String())
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"nas.local", "192.168.1.255/24", "192.168.1.256", "10.0.0.255:0", "10.0.0.255:65536", "0.0.0.0", "10.0.0.1,,10.0.0.2", "eth0"} {
		if got, err := ParseDestinations(bad, 9); err == nil {
			t.Errorf("ParseDestinations(%q) = %v, want an error", bad, got)
		}
	}
}
