package rtnetlink

import (
	"path"
	"slices"
	"strings"
)

// The names that container engines, hypervisors and VPNs give to the interfaces that
// they make, as globs of path.Match. The lists stand together because a new engine
// belongs in several of them.
const (
	// NotLANs is what no operator means by "the LAN".
	NotLANs = "docker*,br-*,veth*,virbr*,vnet*,tap*,tun*,wg*,tailscale*,zt*,cni*,flannel*,cali*,lxc*,podman*,lxdbr*,incusbr*,fwbr*,fwln*,fwpr*,vboxnet*,vmnet*," +
		"vxlan.*,hassio,cilium*,weave,kube-bridge,nerdctl0,mpqemubr0,antrea-*,genev_sys_*"
	// Docker calls its further networks br- and twelve hex digits, so that a LAN bridge
	// such as br-lan is none of them.
	engineNetworks = "docker0,br-" + hex4 + hex4 + hex4 + ",podman*,cni*,flannel*,cali*,cilium*,vxlan.*,hassio,weave,kube-bridge,nerdctl0,antrea-*,genev_sys_*"
	guestNetworks  = "virbr*,lxcbr*,lxdbr*,incusbr*,vboxnet*,vmnet*,mpqemubr0"
	// These are those of libvirt, LXC, Proxmox, Xen and the container engines.
	guestPorts = "tap*,vnet*,veth*,tun*,fwpr*,fwln*,lxc*,vif*"

	hex4 = "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
)

// EngineNetwork reports whether the name is one that a container engine gives to what
// it makes in the namespace that it runs in.
func (l Link) EngineNetwork() bool { return named(l.Name, engineNetworks) }

// GuestNetwork reports whether the name is one that a hypervisor gives to a network
// of its guests.
func (l Link) GuestNetwork() bool { return named(l.Name, guestNetworks) }

func named(name, globs string) bool {
	return slices.ContainsFunc(strings.Split(globs, ","), func(glob string) bool {
		ok, _ := path.Match(glob, name) // the globs are ours, and not broken
		return ok
	})
}
