package doctor

import (
	"encoding/binary"
	"net/netip"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// Where a magic packet begins, counted from the network header: after an IPv4
// header without options and UDP's, after an IPv6 header and UDP's, and at once
// in a raw frame. Senders of magic packets use neither options nor extensions.
const (
	udpHeaderLen = 8
	inIPv4       = 20 + udpHeaderLen
	inIPv6       = 40 + udpHeaderLen
	inFrame      = 0
	// mostBytes is one more than the longest packet has, so that a longer one that is
	// cut off there is not taken for a magic packet.
	mostBytes = inIPv6 + magicpacket.LenSecureOn + 1
)

// magicIn reads a packet from its network header on, and returns the target of the
// magic packet in it and where it goes. A raw frame has no address, and begins
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
