package doctor

import (
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"

	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

// traces are what a container engine or a hypervisor leaves behind.
type traces struct {
	container string       // whose container it is; empty for none
	hosts     []netip.Addr // that the file hosts(5) names
	kernel    string       // its release
	virtual   bool         // a virtual machine, of any kind
}

func (d Doctor) traces() traces {
	release, _ := fs.ReadFile(d.Root, "proc/sys/kernel/osrelease") // unreadable is no trace
	return traces{container: d.engine(), hosts: d.hosts(), kernel: strings.TrimSpace(string(release)), virtual: d.virtual()}
}

// hosts returns the addresses in /etc/hosts. In a container on a network of its own
// the engine writes the container's address there.
func (d Doctor) hosts() []netip.Addr {
	text, _ := fs.ReadFile(d.Root, "etc/hosts") // unreadable is no trace
	var list []netip.Addr
	for line := range strings.Lines(string(text)) {
		if first := strings.Fields(line); len(first) > 0 {
			if address, err := netip.ParseAddr(first[0]); err == nil {
				list = append(list, address)
			}
		}
	}
	return list
}

// engine returns whose container this is. What LXC and systemd-nspawn run is not
// meant: that is as often as not bridged to the LAN, and says "lxc", "lxc-libvirt"
// or "systemd-nspawn" in the variable container.
func (d Doctor) engine() string {
	exists := func(name string) bool { _, err := fs.Stat(d.Root, name); return err == nil }
	named := d.Getenv("container")
	switch {
	case d.Getenv("KUBERNETES_SERVICE_HOST") != "":
		return "Kubernetes"
	case exists(".dockerenv") || named == "docker":
		return "Docker"
	case exists("run/.containerenv") || named == "podman":
		return "Podman"
	case slices.Contains([]string{"oci", "rkt", "pouch"}, named):
		return "a container engine"
	default:
		return ""
	}
}

// container is about a container that has the network of its engine in place of
// the host's. There the kernel takes every broadcast, and all of them end at the
// engine's bridge.
func (f facts) container() []wol.Finding {
	lans := f.lans()
	if f.traces.container == "" || len(lans) == 0 {
		return nil
	}
	// The host's namespace has a card, or at least the engine's own bridges: an LXC
	// container has no card, a pair to the LAN, and Docker in it, perhaps.
	card := slices.ContainsFunc(f.links, func(l rtnetlink.Link) bool { return l.Kind == "" && l.Flags&net.FlagLoopback == 0 })
	bridges := slices.ContainsFunc(f.links, func(l rtnetlink.Link) bool { return l.EngineNetwork() })
	assigned := false
	for _, l := range lans {
		assigned = assigned || l.Kind == "tun" || f.byEngine(l)
		pair := l.PeerAway && !card && !bridges
		// Engines without root (slirp4netns, pasta) copy packets out of a TAP device, and
		// make their bridges behind that.
		tap := l.Kind == "tun" && !card
		if !pair && !tap {
			return nil
		}
	}
	if !assigned { // a namespace that somebody has made inside of a container
		return nil
	}
	return []wol.Finding{{
		Code: container, Interface: lans[0].Name,
		Message: "this is a container of " + f.traces.container + " on a network of its engine: broadcasts end at the engine's bridge and reach no LAN",
		Cure:    "run wol-server on the host's network: network_mode: host in a Compose file, --network=host for docker run and podman run, hostNetwork: true in Kubernetes; or give the container a macvlan network on the LAN",
	}}
}

// byEngine says whether a container engine has given an interface its address: it
// wrote it into /etc/hosts, or took it from the pools of Docker or Podman.
func (f facts) byEngine(l rtnetlink.Link) bool {
	within := func(p netip.Prefix, network string) bool { return netip.MustParsePrefix(network).Contains(p.Addr()) }
	return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool {
		return slices.Contains(f.traces.hosts, p.Addr()) ||
			within(p, "172.16.0.0/12") || within(p, "192.168.0.0/16") && p.Bits() == 20 || // Docker
			within(p, "10.88.0.0/15") // Podman
	})
}

// lans returns what stands for this host's LANs: the eligible interfaces, and
// where none is, or destinations are configured, those that could be.
func (f facts) lans() []rtnetlink.Link {
	var list []rtnetlink.Link
	if !f.fixed() {
		for _, i := range f.eligible() {
			if l := f.links.named(i.Name); l.Index != 0 {
				list = append(list, l)
			}
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, l := range f.links {
		if running(l) && broadcasts(l) && l.Flags&net.FlagLoopback == 0 && l.Master == 0 && !l.EngineNetwork() {
			list = append(list, l)
		}
	}
	return list
}
