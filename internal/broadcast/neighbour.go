package broadcast

import (
	"net/netip"

	"wolgate/internal/rtnetlink"
)

// hop is the host on the link that a unicast goes to next; its address is not valid for a
// broadcast, for a group, and for what stays on this host.
type hop struct {
	address netip.Addr
	iface   int
	router  bool
}

func nextHop(to netip.Addr, path rtnetlink.Path) hop {
	switch {
	case path.Broadcast || path.Local || to.IsMulticast():
		return hop{}
	case path.Gateway.IsValid():
		return hop{address: path.Gateway, iface: path.Interface, router: true}
	default:
		return hop{address: to.WithZone(""), iface: path.Interface}
	}
}

// silentOnes returns the errors of destination.silent, by index.
func silentOnes(destinations []destination) map[int]error {
	var silent map[int]error // nearly always empty
	for i, d := range destinations {
		if err := d.silent(); err != nil {
			if silent == nil {
				silent = map[int]error{}
			}
			silent[i] = err
		}
	}
	return silent
}

// silent returns why a packet does not leave: the host that it goes to next has not
// answered ARP or neighbour discovery so far. The kernel takes the packet and drops it
// three seconds later, so this is known of an earlier packet only. It is sent all the
// same, because it makes the kernel ask again.
func (d destination) silent() error {
	if !d.next.address.IsValid() {
		return nil
	}
	known, err := rtnetlink.LookUpNeighbour(d.next.address, d.next.iface)
	switch {
	case err != nil: // an old kernel; the send decides
		return nil
	case known == rtnetlink.Silent:
		d.socket.unanswered.Store(true)
	case known != rtnetlink.Asked: // while it asks again, the last result holds
		d.socket.unanswered.Store(false)
	}
	if d.socket.unanswered.Load() {
		return silentError(d.next)
	}
	return nil
}

// silentError says that a host does not answer.
type silentError hop

func (e silentError) Error() string {
	question := "ARP"
	if e.address.Is6() {
		question = "neighbour discovery"
	}
	if e.router {
		return "the router " + e.address.String() + " does not answer " + question
	}
	return "nobody answers " + question + " for " + e.address.String() + ", as a computer that is off does not: name its LAN's broadcast address, or give it a permanent neighbour entry"
}
