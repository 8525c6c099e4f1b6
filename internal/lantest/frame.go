package lantest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"
)

// EtherTypes of the frames that a sniffer keeps.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd
	EtherTypeWake = 0x0842 // a magic packet straight in a frame
)

// Frame is one UDP datagram or one frame of EtherTypeWake as it arrived.
type Frame struct {
	Time      time.Time // when the kernel took it in
	EtherDst  [6]byte
	EtherType uint16
	// SrcIP, DstIP and DstPort are zero in a frame of EtherTypeWake.
	SrcIP, DstIP netip.Addr
	DstPort      uint16
	// Payload is part of Raw. It is cut off after about 400 bytes, which no magic
	// packet has.
	Payload []byte
	// Raw is the frame from the Ethernet header on, cut off after some 440 bytes.
	// A UDP checksum in it is only begun: the kernel leaves the rest to the card
	// that would put the frame on a wire, and a veth pair has none.
	Raw    []byte
	Length int // of the whole frame, also where Raw is cut off
}

const (
	etherHeaderLen = 14
	ipv4HeaderLen  = 20 // without options
	ipv6HeaderLen  = 40
	udpHeaderLen   = 8
	protocolUDP    = 17
)

// parse reads the frame that fills b; the result keeps no reference to b. It
// reports false for everything else: above all ARP, ICMPv6 and IGMP, which a new
// interface sends by itself.
func parse(b []byte) (Frame, bool) {
	if len(b) < etherHeaderLen {
		return Frame{}, false
	}
	b = bytes.Clone(b)
	f := Frame{EtherDst: [6]byte(b), EtherType: binary.BigEndian.Uint16(b[12:]), Raw: b, Length: len(b)}
	b = b[etherHeaderLen:]
	switch f.EtherType {
	case EtherTypeWake:
		f.Payload = b
		return f, true
	case EtherTypeIPv4:
		return f.ipv4(b)
	case EtherTypeIPv6:
		return f.ipv6(b)
	}
	return Frame{}, false
}

func (f Frame) ipv4(b []byte) (Frame, bool) {
	if len(b) < ipv4HeaderLen || b[9] != protocolUDP {
		return Frame{}, false
	}
	if offset := binary.BigEndian.Uint16(b[6:]) & 0x1fff; offset != 0 {
		return Frame{}, false // A later fragment has no UDP header.
	}
	f.SrcIP, f.DstIP = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	headerLen := int(b[0]&0x0f) * 4
	return f.udp(b[min(headerLen, len(b)):])
}

// ipv6 knows no extension headers; a program has to ask for them.
func (f Frame) ipv6(b []byte) (Frame, bool) {
	if len(b) < ipv6HeaderLen || b[6] != protocolUDP {
		return Frame{}, false
	}
	f.SrcIP, f.DstIP = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	return f.udp(b[ipv6HeaderLen:])
}

func (f Frame) udp(b []byte) (Frame, bool) {
	if len(b) < udpHeaderLen {
		return Frame{}, false
	}
	f.DstPort = binary.BigEndian.Uint16(b[2:])
	// The length in the header leaves out what pads a frame to 60 bytes.
	end := max(udpHeaderLen, min(int(binary.BigEndian.Uint16(b[4:])), len(b)))
	f.Payload = b[udpHeaderLen:end]
	return f, true
}
