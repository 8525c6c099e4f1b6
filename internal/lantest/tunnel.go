package lantest

import (
	"errors"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"wolgate/internal/skip"
)

// TunnelLink is an interface such as a VPN makes: a tun device, point-to-point
// and unable to broadcast, that leads into a program instead of to a card. Here
// the program is the test, and what is routed into the tunnel goes nowhere.
type TunnelLink struct {
	link
	fd      int // the program's end
	packets int // taken out of it so far
}

// Tunnel adds a tunnel that is up and running. It skips the test where there is
// no /dev/net/tun to open, as in many containers.
func Tunnel(t testing.TB, name, prefix string) *TunnelLink {
	t.Helper()
	Require(t)
	// A program that inherited the descriptor would keep the tunnel alive.
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		skip.Because(t, "cannot open /dev/net/tun: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // The kernel removes the tunnel with it.
	tun := &TunnelLink{link: link{t: t}, fd: fd}
	request, err := unix.NewIfreq(name)
	tun.check("name a tunnel "+name, err)
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	tun.check("add tunnel "+name, unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
	tun.ready(name, prefix)
	// The kernel keeps so many packets until they are read, and drops the rest.
	tun.check("lengthen the queue", netlink.LinkSetTxQLen(tun.device(), slots))
	return tun
}

// DefaultRoute routes everything unknown into the tunnel, in place of the
// default route that there may be.
func (tun *TunnelLink) DefaultRoute() {
	tun.t.Helper()
	tun.route("0.0.0.0/0")
}

// DefaultRouteHalves does so as OpenVPN does (redirect-gateway def1): two routes
// cover all of IPv4 and, more specific than a default route, win over the one
// that there may be, which stays and rules again once the tunnel is gone.
func (tun *TunnelLink) DefaultRouteHalves() {
	tun.t.Helper()
	tun.route("0.0.0.0/1")
	tun.route("128.0.0.0/1")
}

// route needs no gateway: what enters a tunnel has only one place to go to.
func (tun *TunnelLink) route(prefix string) {
	tun.t.Helper()
	_, destination, err := net.ParseCIDR(prefix)
	tun.check("parse "+prefix, err)
	tun.check("route "+prefix+" into the tunnel", netlink.RouteReplace(&netlink.Route{
		LinkIndex: tun.index, Dst: destination, Scope: netlink.SCOPE_LINK,
	}))
}

// Packets returns how many UDP datagrams have been routed into the tunnel so
// far. Nothing else counts, above all not the ICMPv6 with which the kernel looks
// for neighbours in a fresh one.
func (tun *TunnelLink) Packets() int {
	tun.t.Helper()
	packet := make([]byte, 1<<16)
	for {
		n, err := unix.Read(tun.fd, packet)
		if errors.Is(err, unix.EAGAIN) {
			return tun.packets
		}
		tun.check("read from the tunnel", err)
		if isUDP(packet[:n]) {
			tun.packets++
		}
	}
}

// isUDP reads a packet that no Ethernet header says the protocol of.
func isUDP(b []byte) (ok bool) {
	switch {
	case len(b) == 0:
	case b[0]>>4 == 4:
		_, ok = Frame{}.ipv4(b)
	case b[0]>>4 == 6:
		_, ok = Frame{}.ipv6(b)
	}
	return ok
}
