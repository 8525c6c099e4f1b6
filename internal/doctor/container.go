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
	container string       // the engine whose container this is; empty for none
	hosts     []netip.Addr // that the file hosts(5) names
	kernel    string       // release
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

// engine returns the engine whose container this is. LXC and systemd-nspawn, which set
// the variable container to "lxc", "lxc-libvirt" or "systemd-nspawn", do not count:
// their containers are often bridged to the LAN.
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

// container finds a container that has the network of its engine in place of the
// host's. There the kernel takes every broadcast, and all end at the engine's bridge.
func (f facts) container() []wol.Finding {
	lans := f.lans()
	if f.traces.container == "" || len(lans) == 0 {
		return nil
	}
	// The host's namespace has a card or at least the engine's own bridges. An LXC
	// container that runs Docker has no card, but a pair to the LAN and those bridges.
	card := rtnetlink.Hardware(f.links)
	bridges := slices.ContainsFunc(f.links, func(l rtnetlink.Link) bool { return l.EngineNetwork() })
	assigned := false
	for _, l := range lans {
		assigned = assigned || l.Kind == "tun" || f.byEngine(l)
		pair := l.PeerAway && !card && !bridges
		// Rootless engines (slirp4netns, pasta) copy packets out of a TAP device and have
		// their bridges behind it.
		tap := l.Kind == "tun" && !card
		if !pair && !tap {
			return nil
		}
	}
	if !assigned { // a namespace that was made inside a container
		return nil
	}
	return []wol.Finding{{
		Code: container, Interface: lans[0].Name,
		Message: "this is a container of " + f.traces.container + " on a network of its engine: broadcasts end at the engine's bridge and reach no LAN",
		Cure:    "run wol-server on the host's network: network_mode: host in a Compose file, --network=host for docker run and podman run, hostNetwork: true in Kubernetes; or give the container a macvlan network on the LAN",
	}}
}

// byEngine reports whether a container engine chose the interface's address: it is in
// /etc/hosts, or from the pools of Docker or Podman.
func (f facts) byEngine(l rtnetlink.Link) bool {
	within := func(p netip.Prefix, network string) bool { return netip.MustParsePrefix(network).Contains(p.Addr()) }
	return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool {
		return slices.Contains(f.traces.hosts, p.Addr()) ||
			within(p, "172.16.0.0/12") || within(p, "192.168.0.0/16") && p.Bits() == 20 || // Docker
			within(p, "10.88.0.0/15") // Podman
	})
}

// lans returns the eligible interfaces, or those that could be where none is or where
// destinations are configured.
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
		if l.Running() && broadcasts(l) && l.Flags&net.FlagLoopback == 0 && l.Master == 0 && !l.EngineNetwork() {
			list = append(list, l)
		}
	}
	return list
}
