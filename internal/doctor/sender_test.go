package doctor_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/fstest"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"wolgate/internal/doctor"
	"wolgate/internal/magicpacket"
	"wolgate/internal/rtnetlink"
	"wolgate/internal/wol"
)

const rawFrame = "ff:ff:ff:ff:ff:ff/0x0842"

// sender stands in for the daemon's, of which package doctor knows two functions:
// what lists the interfaces, and what sends.
type sender struct {
	port    uint16
	only    []string // interfaces; empty for all that are up and can broadcast
	fixed   []string // destinations in place of all that
	also    []string // destinations that each interface has besides
	recvErr bool     // the socket option IP_RECVERR
}

// interfaces lists the namespace's interfaces by what of judging them a sender
// cannot do without.
func (s sender) interfaces(context.Context) ([]wol.Interface, error) {
	if len(s.fixed) > 0 {
		return []wol.Interface{{Eligible: true, Destinations: s.fixed}}, nil
	}
	links, err := rtnetlink.Links()
	var list []wol.Interface
	for _, l := range links {
		i := wol.Interface{Name: l.Name, Why: s.why(l)}
		i.Eligible = i.Why == ""
		i.Reason = string(i.Why)
		for _, p := range l.Addresses {
			i.Addresses = append(i.Addresses, p.String())
		}
		i.Failing = (i.Why == wol.Down || i.Why == wol.NoCarrier) && len(i.Addresses) > 0
		if i.Eligible {
			i.Destinations = append(destinations(l, s.port), s.also...)
		}
		list = append(list, i)
	}
	return list, err
}

func (s sender) why(l rtnetlink.Link) wol.Why {
	switch {
	case l.Flags&net.FlagLoopback != 0:
		return wol.Loopback
	case l.Flags&net.FlagPointToPoint != 0:
		return wol.PointToPoint
	case len(s.only) > 0 && !slices.Contains(s.only, l.Name):
		return wol.NotNamed
	case l.Master != 0:
		return wol.Port
	case l.Flags&net.FlagUp == 0:
		return wol.Down
	case l.Flags&net.FlagRunning == 0:
		return wol.NoCarrier
	default:
		return ""
	}
}

func destinations(l rtnetlink.Link, port uint16) []string {
	list := []string{netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), port).String()}
	for _, p := range l.Addresses {
		if !p.Addr().Is4() {
			continue
		}
		last := p.Addr().As4()
		last[3] = 255 // the tests use /24
		list = append(list, netip.AddrPortFrom(netip.AddrFrom4(last), port).String())
	}
	return list
}

// open is a doctor.Open.
func (s sender) open(port uint16) (wol.Waker, func(), error) {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		return s.wake(ctx, req, port)
	}), func() {}, nil
}

func (s sender) wake(ctx context.Context, req wol.Request, port uint16) ([]wol.Receipt, error) {
	interfaces, err := s.interfaces(ctx)
	if err != nil {
		return nil, err
	}
	packet, err := magicpacket.Packet{Target: req.Targets[0].MAC}.MarshalBinary()
	if err != nil {
		return nil, err
	}
	var sent []wol.Delivery
	var failed []wol.Failure
	for _, i := range interfaces {
		if i.Name != req.Interface {
			continue
		}
		for _, to := range i.Destinations {
			if address, err := netip.ParseAddrPort(to); err == nil && port != 0 {
				to = netip.AddrPortFrom(address.Addr(), port).String()
			}
			if err := s.send(i.Name, to, packet); err != nil {
				failed = append(failed, wol.Failure{Interface: i.Name, Destination: to, Error: words(err)})
				continue
			}
			sent = append(sent, wol.Delivery{Interface: i.Name, Destination: to, Bytes: len(packet)})
		}
	}
	if len(sent) == 0 {
		return nil, &wol.Error{Kind: wol.Unavailable, Failed: failed}
	}
	return []wol.Receipt{wol.NewReceipt(req.Targets[0].MAC, req.ID, sent, failed)}, nil
}

// send sends a packet by an interface, and by what the routing table says where
// it has no name.
func (s sender) send(iface, destination string, packet []byte) error {
	index := 0
	if iface != "" {
		links, err := rtnetlink.Links() // package net would remember names of other tests
		if err != nil {
			return err
		}
		index = links[slices.IndexFunc(links, func(l rtnetlink.Link) bool { return l.Name == iface })].Index
	}
	if destination == rawFrame {
		return sendFrame(index, packet)
	}
	to := netip.MustParseAddrPort(destination)
	if to.Addr().Is6() {
		return send(unix.AF_INET6, packet, nil, &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16(), ZoneId: uint32(index)}, false)
	}
	var control []byte
	if index != 0 {
		control = (&ipv4.ControlMessage{IfIndex: index}).Marshal()
	}
	return send(unix.AF_INET, packet, control, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}, s.recvErr)
}

func send(family int, packet, control []byte, to unix.Sockaddr, recvErr bool) error {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return err
	}
	if recvErr {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1); err != nil {
			return err
		}
	}
	return unix.Sendmsg(fd, packet, control, to, 0)
}

func sendFrame(index int, packet []byte) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Protocol: 0x4208, Ifindex: index, Halen: 6, Addr: [8]uint8{255, 255, 255, 255, 255, 255}}
	return unix.Sendto(fd, packet, 0, to)
}

// words are the daemon's for the errors that a firewall causes.
func words(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "a firewall on this host refuses it (operation not permitted)"
	case errors.Is(err, unix.ENOBUFS):
		return "queue is full, the interface does not take packets fast enough"
	default:
		return err.Error()
	}
}

// doctorOf returns the doctor of a host of metal, in no container.
func doctorOf(s sender) doctor.Doctor {
	return doctor.Doctor{Interfaces: s.interfaces, Root: fstest.MapFS{}, Getenv: func(string) string { return "" }}
}

func in(d doctor.Doctor, root fs.FS) doctor.Doctor {
	d.Root = root
	return d
}

func examine(t *testing.T, d doctor.Doctor, s sender) doctor.Report {
	t.Helper()
	r, err := d.Examine(t.Context(), s.port, s.open)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// codes returns what was found, such as "vpn tun0".
func codes(findings []wol.Finding) []string {
	list := []string{}
	for _, f := range findings {
		text := f.Code
		if f.Interface != "" {
			text += " " + f.Interface
		}
		list = append(list, text)
	}
	return list
}
