package doctor

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"wolgate/internal/wol"
)

// virtual reports whether this is a virtual machine, by the maker in the firmware (DMI)
// or the processor flag that hypervisors set on x86.
func (d Doctor) virtual() bool {
	read := func(name string) string {
		text, _ := fs.ReadFile(d.Root, name) // unreadable is no trace
		return string(text)
	}
	made := read("sys/class/dmi/id/sys_vendor") + " " + read("sys/class/dmi/id/product_name")
	for _, word := range []string{"QEMU", "KVM", "VMware", "VirtualBox", "innotek", "Xen", "Parallels", "Virtual Machine", "Virtualization"} {
		if strings.Contains(made, word) {
			return true
		}
	}
	return slices.Contains(strings.Fields(read("proc/cpuinfo")), "hypervisor")
}

// translated is a network that a hypervisor puts guests in by default, behind NAT, and
// whose gateway is unlikely elsewhere.
type translated struct {
	network netip.Prefix
	gateway netip.Addr
	whose   string
}

// translatedNetworks omits those that an ordinary LAN may look like.
func translatedNetworks() []translated {
	list := func(network, gateway, whose string) translated {
		return translated{netip.MustParsePrefix(network), netip.MustParseAddr(gateway), whose}
	}
	return []translated{
		list("10.0.2.0/24", "10.0.2.2", "QEMU or VirtualBox"),
		list("192.168.122.0/24", "192.168.122.1", "libvirt"),
		list("192.168.65.0/24", "192.168.65.1", "Docker Desktop"),
		list("192.168.65.0/24", "192.168.65.5", "Docker Desktop"), // its older versions
		list("192.168.5.0/24", "192.168.5.2", "Lima"),
		list("192.168.127.0/24", "192.168.127.1", "Podman Desktop"),
		list("10.211.55.0/24", "10.211.55.1", "Parallels"),
	}
}

// virtualMachine finds a guest whose network is not the LAN. One whose card is bridged
// to the LAN is as good as a computer on it.
func (f facts) virtualMachine() []wol.Finding {
	kernel := strings.ToLower(f.traces.kernel)
	windows := strings.Contains(kernel, "microsoft")
	message := ""
	switch {
	case strings.Contains(kernel, "linuxkit"):
		message = "this is the virtual machine of Docker Desktop"
	case strings.Contains(kernel, "orbstack"):
		message = "this is the virtual machine of OrbStack"
	case windows && f.windowsTranslates():
		message = "this is WSL in its NAT mode, to judge by the address"
	case windows || f.traces.virtual:
		if t, ok := f.translated(); ok {
			message = fmt.Sprintf("this is a virtual machine behind the NAT of %s, to judge by the gateway %s", t.whose, t.gateway)
		}
	}
	if message == "" {
		return nil
	}
	return []wol.Finding{{
		Code:    virtualMachine,
		Message: message + ": its network is not the LAN, and broadcasts do not leave it",
		Cure:    "run wol-server on a Linux host that is on the LAN itself, or bridge the virtual machine's network card to the LAN",
	}}
}

// translated returns the one of translatedNetworks that has all of the host's addresses
// and its default gateway.
func (f facts) translated() (translated, bool) {
	for _, t := range translatedNetworks() {
		if f.behind(func(address netip.Prefix, gateway netip.Addr) bool {
			return t.network.Contains(address.Addr()) && gateway == t.gateway
		}) {
			return t, true
		}
	}
	return translated{}, false
}

// windowsTranslates reports whether WSL has a network of its own. In mirrored mode it
// has the addresses of Windows, and an interface loopback0 beside lo.
func (f facts) windowsTranslates() bool {
	own := netip.MustParsePrefix("172.16.0.0/12")
	return f.links.named("loopback0").Index == 0 && f.behind(func(address netip.Prefix, gateway netip.Addr) bool {
		return own.Contains(address.Addr()) && address.Masked().Contains(gateway)
	})
}

// behind reports whether the host has IPv4 addresses and match holds for each with the
// gateway of a default route by its interface.
func (f facts) behind(match func(address netip.Prefix, gateway netip.Addr) bool) bool {
	addresses := 0
	for _, l := range f.lans() {
		for _, address := range inet4(l) {
			addresses++
			if !slices.ContainsFunc(f.gateways(l.Index), func(gateway netip.Addr) bool { return match(address, gateway) }) {
				return false
			}
		}
	}
	return addresses > 0
}

// gateways returns the gateways of the default routes by an interface.
func (f facts) gateways(index int) []netip.Addr {
	var list []netip.Addr
	for _, r := range f.table {
		if r.Interface == index && r.Destination.Bits() == 0 && r.Gateway.Is4() {
			list = append(list, r.Gateway)
		}
	}
	return list
}
