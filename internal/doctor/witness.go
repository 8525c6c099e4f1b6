package doctor

import (
	"encoding/binary"
	"net/netip"
	"os"
	"time"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// Method is how a probe was watched for.
type Method string

// The methods, best first.
const (
	PacketSocket Method = "packet_socket" // sees what the drivers are given; needs CAP_NET_RAW
	OwnBroadcast Method = "own_broadcast" // a UDP socket that hears this host's own broadcasts
	NoMethod     Method = "none"
)

// witness sees packets of this host.
type witness interface {
	method() Method
	// port is the one that a probe has to go to for this witness to see it; 0 if the
	// configured one will do.
	port() uint16
	// sees says whether a leg's probe can be seen once it leaves this host.
	sees(leg) bool
	// next returns what is seen next. The error is os.ErrDeadlineExceeded when
	// nothing is until then.
	next(until time.Time) (sighting, error)
	// close may be called more than once.
	close()
}

// sighting is one magic packet.
type sighting struct {
	mac  wol.MAC
	link int            // index of the interface
	to   netip.AddrPort // not valid for a raw frame; port 0 where that does not matter
	echo bool           // it came back by that interface, and has not been seen to leave
}

// openWitness returns the best witness that this process may have, and why not a
// better one.
func openWitness(port uint16, samePort bool) (witness, error) {
	t, excuse := openTap()
	if excuse == nil {
		return t, nil
	}
	l, err := listen(port, samePort)
	if err == nil {
		return l, excuse
	}
	return blind{}, err
}

// blind is the witness of a process that may not watch at all.
type blind struct{}

func (blind) method() Method                   { return NoMethod }
func (blind) port() uint16                     { return 0 }
func (blind) sees(leg) bool                    { return false }
func (blind) next(time.Time) (sighting, error) { return sighting{}, os.ErrDeadlineExceeded }
func (blind) close()                           {}

// Where a magic packet begins, counted from the network header: after an IPv4
// header without options and UDP's, after an IPv6 header and UDP's, and at once
// in a raw frame. Senders of magic packets use neither options nor extensions.
const (
	udpHeaderLen = 8
	inIPv4       = 20 + udpHeaderLen
	inIPv6       = 40 + udpHeaderLen
	inFrame      = 0
	// mostBytes is one more than the longest packet has, so that what is cut off
	// there is not taken for one.
	mostBytes = inIPv6 + magicpacket.LenSecureOn + 1
)

// magicIn reads a packet from its network header on, and returns whom the magic
// packet in it wakes and where it goes. A raw frame has no address, and begins
// with 0xff, which is no version of IP.
func magicIn(packet []byte) (mac wol.MAC, to netip.AddrPort, ok bool) {
	start := inFrame
	switch {
	case len(packet) > inIPv4 && packet[0]>>4 == 4:
		start = inIPv4
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:])), udpPort(packet[:start]))
	case len(packet) > inIPv6 && packet[0]>>4 == 6:
		start = inIPv6
		to = netip.AddrPortFrom(netip.AddrFrom16([16]byte(packet[24:])), udpPort(packet[:start]))
	}
	var magic magicpacket.Packet
	if err := magic.UnmarshalBinary(packet[start:]); err != nil {
		return wol.MAC{}, netip.AddrPort{}, false
	}
	return magic.Target, to, true
}

// udpPort returns the destination port of the UDP header at the end of headers.
func udpPort(headers []byte) uint16 {
	return binary.BigEndian.Uint16(headers[len(headers)-udpHeaderLen+2:])
}
