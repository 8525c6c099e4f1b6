package rtnetlink

import (
	"bytes"
	"encoding/binary"
	"iter"
	"net/netip"

	"golang.org/x/sys/unix"
)

// attributes yields the type and the value of each attribute in b
// (rtnetlink(7)), and ends at the first that is not whole. A value is part of b.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	// The two highest bits of a type are flags about its value, which follow from the
	// type.
	const mask = ^uint16(unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	return func(yield func(uint16, []byte) bool) {
		for rest := b; len(rest) >= unix.SizeofRtAttr; {
			size := int(binary.NativeEndian.Uint16(rest))
			if size < unix.SizeofRtAttr || size > len(rest) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(rest[2:])&mask, rest[unix.SizeofRtAttr:size]) {
				return
			}
			rest = rest[min(align(size), len(rest)):]
		}
	}
}

// appendAttribute appends an attribute to a message that is aligned, and leaves
// it aligned.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	size := unix.SizeofRtAttr + len(value)
	b = binary.NativeEndian.AppendUint16(b, uint16(size))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, align(size)-size)...)
}

// align rounds a size up to where the next message or attribute begins. Both
// have the same alignment (NLMSG_ALIGNTO, RTA_ALIGNTO).
func align(size int) int { return (size + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// number is the value of an attribute that holds a number. Zero, which is no
// interface's index and no flag, also stands for a value of another size.
func number(value []byte) uint32 {
	if len(value) != 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

// text is the value of an attribute that holds a name; the kernel ends it with
// a zero byte.
func text(value []byte) string {
	name, _, _ := bytes.Cut(value, []byte{0})
	return string(name)
}

// address is the value of an attribute that holds an address of this family, or
// the zero Addr if the value is none.
func address(family uint8, value []byte) netip.Addr {
	switch {
	case family == unix.AF_INET && len(value) == 4:
		return netip.AddrFrom4([4]byte(value))
	case family == unix.AF_INET6 && len(value) == 16:
		return netip.AddrFrom16([16]byte(value))
	default:
		return netip.Addr{}
	}
}
