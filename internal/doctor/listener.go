package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/ipv4"

	"wolgate/internal/magicpacket"
)

// listener is a UDP socket that hears this host's own broadcasts: the kernel
// gives a broadcast to its own sockets as well, behind the output rules of the
// firewall (ip_mc_output in net/ipv4/ip_output.c), with the interface that it is
// sent by. It needs no privilege. It knows nothing of what the interface does
// with the packet; and the input rules of the firewall may keep it away.
type listener struct {
	conn  *ipv4.PacketConn
	other uint16 // the port that it listens on, if it is not the configured one
}

// listen listens on the port if it is that of all destinations. Below 1024 that
// takes a privilege, and somebody may be there; then, any free port will do.
func listen(port uint16, same bool) (*listener, error) {
	if same {
		if conn, _, err := listenOn(port); err == nil {
			return &listener{conn: conn}, nil
		}
	}
	conn, other, err := listenOn(0)
	if err != nil {
		return nil, err
	}
	return &listener{conn: conn, other: other}, nil
}

func listenOn(port uint16) (*ipv4.PacketConn, uint16, error) {
	var config net.ListenConfig
	socket, err := config.ListenPacket(context.Background(), "udp4", ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, 0, err
	}
	conn := ipv4.NewPacketConn(socket)
	if err := conn.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true); err != nil {
		return nil, 0, errors.Join(err, conn.Close())
	}
	return conn, socket.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
}

func (l *listener) method() Method { return OwnBroadcast }
func (l *listener) port() uint16   { return l.other }
func (l *listener) close()         { _ = l.conn.Close() }

// sees says yes to broadcasts of IPv4 alone. Packets to one computer do not come
// back, and raw frames and IPv6 are not for this socket.
func (l *listener) sees(one leg) bool {
	return one.to.Addr().Is4() && (!one.fixed() || one.way.path.Broadcast)
}

func (l *listener) next(until time.Time) (sighting, error) {
	if err := l.conn.SetReadDeadline(until); err != nil {
		return sighting{}, err
	}
	payload := make([]byte, magicpacket.LenSecureOn+1)
	for {
		n, control, _, err := l.conn.ReadFrom(payload)
		if err != nil {
			return sighting{}, err
		}
		var magic magicpacket.Packet
		if magic.UnmarshalBinary(payload[:n]) != nil || control == nil {
			continue
		}
		to, _ := netip.AddrFromSlice(control.Dst.To4())
		return sighting{mac: magic.Target, link: control.IfIndex, to: netip.AddrPortFrom(to, 0), echo: true}, nil
	}
}
