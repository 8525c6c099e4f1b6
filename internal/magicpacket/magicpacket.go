package magicpacket

import (
	"errors"
	"fmt"
)

// Sizes of a magic packet in bytes: without a SecureOn password, and with one
// of 4 or 6 bytes.
const (
	Len         = syncLen + repetitions*targetLen
	LenSecureOn = Len + 6
)

const (
	syncLen     = 6
	targetLen   = 6
	repetitions = 16
)

// Errors of Unmarshal and Append. A caller that switches on them wants to
// know which part of the packet is wrong.
var (
	ErrLength   = errors.New("magic packet: length is not 102, 106 or 108 bytes")
	ErrSync     = errors.New("magic packet: sync stream is not six bytes of 0xff")
	ErrTarget   = errors.New("magic packet: target is not repeated sixteen times")
	ErrSecureOn = errors.New("magic packet: SecureOn password is not 0, 4 or 6 bytes")
)

// Packet is one magic packet.
type Packet struct {
	// Target is the hardware address of the network card to wake.
	Target [6]byte
	// SecureOn is the password that the card demands: nil, 4 or 6 bytes.
	SecureOn []byte
}

// AppendBinary appends the packet's wire form to b:
//
//	 6 bytes   sync stream, all 0xff
//	96 bytes   Target, sixteen times
//	 0, 4, 6   SecureOn
//
// The error is ErrSecureOn, and b is then returned as it was.
func (p Packet) AppendBinary(b []byte) ([]byte, error) {
	switch len(p.SecureOn) {
	case 0, 4, 6:
	default:
		return b, fmt.Errorf("%w: %d bytes", ErrSecureOn, len(p.SecureOn))
	}
	b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	for range repetitions {
		b = append(b, p.Target[:]...)
	}
	return append(b, p.SecureOn...), nil
}

// MarshalBinary returns the packet's wire form of 102, 106 or 108 bytes.
func (p Packet) MarshalBinary() ([]byte, error) {
	return p.AppendBinary(make([]byte, 0, LenSecureOn))
}

// UnmarshalBinary reads one packet that fills b exactly; p keeps no reference
// to b, and what SecureOn held is overwritten. The error is ErrLength, ErrSync or
// ErrTarget, and p is then unchanged.
//
// A network card is laxer: it finds the pattern anywhere in a frame. This
// reader serves those who want to know that nothing else was sent.
func (p *Packet) UnmarshalBinary(b []byte) error {
	switch len(b) {
	case Len, Len + 4, LenSecureOn:
	default:
		return fmt.Errorf("%w: %d bytes", ErrLength, len(b))
	}
	for _, c := range b[:syncLen] {
		if c != 0xff {
			return ErrSync
		}
	}
	target := [targetLen]byte(b[syncLen:])
	for at := syncLen; at < Len; at += targetLen {
		if [targetLen]byte(b[at:]) != target {
			return ErrTarget
		}
	}
	p.Target = target
	p.SecureOn = append(p.SecureOn[:0], b[Len:]...)
	return nil
}
