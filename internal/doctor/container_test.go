package doctor

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

const ethernet = net.FlagUp | net.FlagRunning | net.FlagBroadcast | net.FlagMulticast

// card returns an interface that is up; the first one of a host has index 1.
func card(index int, name, kind string, prefixes ...string) rtnetlink.Link {
	l := rtnetlink.Link{Name: name, Index: index, Kind: kind, Ethernet: true, Flags: ethernet}
	for _, p := range prefixes {
		l.Addresses = append(l.Addresses, netip.MustParsePrefix(p))
	}
	return l
}

// away returns one end of a pair whose other end is in another namespace.
func away(l rtnetlink.Link) rtnetlink.Link {
	l.Kind, l.PeerAway = "veth", true
	return l
}

func gateway(index int, address string) rtnetlink.Route {
	return rtnetlink.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr(address), Interface: index}
}

// factsOf returns the facts of a host on which the interfaces with these names are
// eligible.
func factsOf(files fstest.MapFS, env map[string]string, eligible []string, l links, routes ...rtnetlink.Route) facts {
	d := Doctor{Root: files, Getenv: func(name string) string { return env[name] }}
	f := facts{traces: d.traces(), links: l, table: routes}
	for _, one := range l {
		i := wol.Interface{Name: one.Name, Eligible: slices.Contains(eligible, one.Name)}
		if !i.Eligible {
			i.Why = wol.Excluded
		}
		f.interfaces = append(f.interfaces, i)
	}
	return f
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestContainers(t *testing.T) {
	docker := fstest.MapFS{".dockerenv": file("")}
	podman := fstest.MapFS{"run/.containerenv": file("")}
	eth0 := []string{"eth0"}
	pair := away(card(2, "eth0", "", "172.17.0.2/16"))
	for name, tt := range map[string]struct {
		files    fstest.MapFS
		env      map[string]string
		eligible []string
		links    links
		want     string // whose container is found, or ""
	}{
		"Docker on a bridge network": {docker, nil, eth0, links{pair}, "Docker"},
		"Podman on a bridge network": {podman, nil, eth0, links{pair}, "Podman"},
		"by the variable":            {nil, map[string]string{"container": "podman"}, eth0, links{pair}, "Podman"},
		"of another engine":          {nil, map[string]string{"container": "oci"}, eth0, links{pair}, "a container engine"},
		"pod":                        {nil, map[string]string{"KUBERNETES_SERVICE_HOST": "10.43.0.1"}, eth0, links{pair}, "Kubernetes"},
		"on two bridge networks":     {docker, nil, []string{"eth0", "eth1"}, links{pair, away(card(3, "eth1", ""))}, "Docker"},
		"nothing eligible":           {docker, nil, nil, links{pair}, "Docker"},
		"pasta":                      {podman, nil, []string{"enp3s0"}, links{card(2, "enp3s0", "tun", "192.168.1.10/24")}, "Podman"},
		"slirp4netns":                {podman, nil, nil, links{card(2, "tap0", "tun", "10.0.2.100/24")}, "Podman"},
		"rootless Docker's host":     {docker, nil, nil, links{card(2, "tap0", "tun", "10.0.2.100/24"), card(3, "docker0", "bridge")}, "Docker"},

		"by its file of hosts": {fstest.MapFS{".dockerenv": file(""), "etc/hosts": file("127.0.0.1\tlocalhost\n10.5.0.2\t3f2a9c0d1e4b\n")}, nil, eth0, links{away(card(2, "eth0", "", "10.5.0.2/24"))}, "Docker"},
		"user-defined network": {docker, nil, eth0, links{away(card(2, "eth0", "", "192.168.16.2/20"))}, "Docker"},

		"namespace in a container":  {docker, nil, eth0, links{away(card(2, "eth0", "", "10.80.0.1/24"))}, ""},
		"the same, no address":      {docker, nil, eth0, links{away(card(2, "eth0", ""))}, ""},
		"hosts of somebody else":    {fstest.MapFS{".dockerenv": file(""), "etc/hosts": file("# 10.80.0.1 me\n10.80.0.9 nas\n")}, nil, eth0, links{away(card(2, "eth0", "", "10.80.0.1/24"))}, ""},
		"no container":              {nil, nil, eth0, links{card(2, "eth0", "")}, ""},
		"Docker's host network":     {docker, nil, eth0, links{card(2, "eth0", ""), card(3, "docker0", "bridge"), away(card(4, "veth1", ""))}, ""},
		"its user-defined networks": {docker, nil, eth0, links{pair, card(3, "br-0123456789ab", "bridge")}, ""},
		"Docker in LXC":             {docker, map[string]string{"container": "lxc"}, eth0, links{pair, card(3, "docker0", "bridge")}, ""},
		"k3s in LXC":                {nil, map[string]string{"KUBERNETES_SERVICE_HOST": "10.43.0.1"}, eth0, links{pair, card(3, "cni0", "bridge")}, ""},
		"Podman's host network":     {podman, nil, eth0, links{card(2, "eth0", "")}, ""},
		"a tap that was named":      {docker, nil, []string{"tap0"}, links{card(2, "eth0", ""), card(3, "tap0", "tun", "10.8.0.1/24"), card(4, "docker0", "bridge")}, ""},
		"a pair that was named":     {podman, nil, []string{"lab0"}, links{card(2, "eth0", ""), away(card(3, "lab0", ""))}, ""},
		"host with a LAN bridge":    {docker, nil, nil, links{card(2, "eth0", ""), card(3, "br-lan", "bridge")}, ""},
		"macvlan":                   {docker, nil, eth0, links{card(2, "eth0", "macvlan")}, ""},
		"one network is macvlan":    {docker, nil, []string{"eth0", "eth1"}, links{pair, card(3, "eth1", "macvlan")}, ""},
		"LXC":                       {nil, map[string]string{"container": "lxc"}, eth0, links{pair}, ""},
		"LXC of libvirt":            {nil, map[string]string{"container": "lxc-libvirt"}, eth0, links{pair}, ""},
		"systemd-nspawn":            {nil, map[string]string{"container": "systemd-nspawn"}, []string{"host0"}, links{away(card(2, "host0", ""))}, ""},
		"without a network":         {docker, nil, nil, links{{Name: "lo", Index: 1, Flags: net.FlagLoopback | net.FlagUp | net.FlagRunning}}, ""},
	} {
		found := factsOf(tt.files, tt.env, tt.eligible, tt.links).container()
		switch {
		case tt.want == "" && len(found) == 0:
		case len(found) != 1 || !strings.HasPrefix(found[0].Message, "this is a container of "+tt.want+" ") || found[0].Code != container || tt.want == "":
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func TestVirtualMachines(t *testing.T) {
	kernel := func(release string) fstest.MapFS {
		return fstest.MapFS{"proc/sys/kernel/osrelease": file(release + "\n")}
	}
	dmi := func(vendor, product string) fstest.MapFS {
		return fstest.MapFS{"sys/class/dmi/id/sys_vendor": file(vendor + "\n"), "sys/class/dmi/id/product_name": file(product + "\n")}
	}
	flag := fstest.MapFS{"proc/cpuinfo": file("processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n")}
	wsl := kernel("5.15.167.4-microsoft-standard-WSL2")
	metal := fstest.MapFS{"proc/cpuinfo": file("flags\t\t: fpu vme\n"), "sys/class/dmi/id/sys_vendor": file("ASUSTeK COMPUTER INC.\n"), "proc/sys/kernel/osrelease": file("6.1.0-28-amd64\n")}
	for name, tt := range map[string]struct {
		files   fstest.MapFS
		address string
		gateway string
		more    links
		want    string // how the message begins, or ""
	}{
		"Docker Desktop":             {kernel("6.10.14-linuxkit"), "192.168.65.3/24", "192.168.65.1", nil, "this is the virtual machine of Docker Desktop:"},
		"OrbStack":                   {kernel("6.13.7-orbstack-00283-g9d1400e7e9c6"), "198.19.249.3/24", "198.19.249.1", nil, "this is the virtual machine of OrbStack:"},
		"WSL with NAT":               {wsl, "172.27.16.5/20", "172.27.16.1", nil, "this is WSL in its NAT mode"},
		"Docker Desktop in WSL":      {wsl, "192.168.65.3/24", "192.168.65.1", nil, "this is a virtual machine behind the NAT of Docker Desktop"},
		"QEMU's user network":        {dmi("QEMU", "Standard PC (Q35 + ICH9, 2009)"), "10.0.2.15/24", "10.0.2.2", nil, "this is a virtual machine behind the NAT of QEMU or VirtualBox"},
		"VirtualBox":                 {dmi("innotek GmbH", "VirtualBox"), "10.0.2.15/24", "10.0.2.2", nil, "this is a virtual machine behind the NAT of QEMU or VirtualBox"},
		"libvirt":                    {flag, "192.168.122.77/24", "192.168.122.1", nil, "this is a virtual machine behind the NAT of libvirt"},
		"Lima":                       {dmi("Apple Inc.", "Apple Virtualization Generic Platform"), "192.168.5.15/24", "192.168.5.2", nil, "this is a virtual machine behind the NAT of Lima"},
		"Podman machine":             {flag, "192.168.127.2/24", "192.168.127.1", nil, "this is a virtual machine behind the NAT of Podman Desktop"},
		"libvirt, and a host's pair": {flag, "192.168.122.77/24", "192.168.122.1", links{card(3, "docker0", "bridge", "172.17.0.1/16")}, "this is a virtual machine behind the NAT of libvirt"},

		"metal":                      {metal, "192.168.1.10/24", "192.168.1.1", nil, ""},
		"metal on such a network":    {metal, "192.168.122.10/24", "192.168.122.1", nil, ""},
		"nothing can be read":        {fstest.MapFS{}, "192.168.122.10/24", "192.168.122.1", nil, ""},
		"bridged":                    {dmi("QEMU", "Standard PC (Q35 + ICH9, 2009)"), "192.168.1.10/24", "192.168.1.1", nil, ""},
		"bridged, Hyper-V":           {dmi("Microsoft Corporation", "Virtual Machine"), "192.168.1.10/24", "192.168.1.1", nil, ""},
		"bridged, without address":   {flag, "", "", nil, ""},
		"another gateway":            {flag, "192.168.122.10/24", "192.168.122.254", nil, ""},
		"without a gateway":          {flag, "192.168.122.10/24", "", nil, ""},
		"one card bridged":           {flag, "10.0.2.15/24", "10.0.2.2", links{card(3, "eth1", "", "192.168.1.10/24")}, ""},
		"WSL, mirrored":              {wsl, "192.168.1.10/24", "192.168.1.1", nil, ""},
		"WSL, gateway elsewhere":     {wsl, "172.16.0.10/24", "172.16.9.1", nil, ""},
		"WSL, mirrored, LAN of NAT":  {wsl, "172.16.0.10/16", "172.16.0.1", links{{Name: "loopback0", Index: 9}}, ""},
		"cloud":                      {dmi("Amazon EC2", "t3.micro"), "172.31.4.4/20", "172.31.0.1", nil, ""},
		"a name with those letters":  {kernel("6.1.0-microsoftish"), "192.168.1.10/24", "192.168.1.1", nil, ""},
		"LAN of WSL's on real metal": {metal, "172.16.0.10/16", "172.16.0.1", nil, ""},
	} {
		eth0 := card(2, "eth0", "")
		if tt.address != "" {
			eth0.Addresses = []netip.Prefix{netip.MustParsePrefix(tt.address)}
		}
		var routes []rtnetlink.Route
		if tt.gateway != "" {
			routes = append(routes, gateway(2, tt.gateway))
		}
		found := factsOf(tt.files, nil, []string{"eth0", "eth1"}, append(links{eth0}, tt.more...), routes...).virtualMachine()
		switch {
		case tt.want == "" && len(found) == 0:
		case len(found) != 1 || !strings.HasPrefix(found[0].Message, tt.want) || found[0].Code != virtualMachine || tt.want == "":
			t.Errorf("%s: found %v", name, found)
		}
	}
}
