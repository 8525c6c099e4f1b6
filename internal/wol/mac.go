package wol

import "encoding/hex"

// MAC is the 48-bit hardware address of a target's network card (IEEE 802,
// "EUI-48"). A MAC from ParseMAC is unicast and not zero.
type MAC [6]byte

const textLen = len("aa:bb:cc:dd:ee:ff")

// ParseMAC reads exactly these spellings, in either case of hex digit:
//
//	aa:bb:cc:dd:ee:ff   aa-bb-cc-dd-ee-ff   aabb.ccdd.eeff   aabbccddeeff
//
// It refuses the zero address and every group address (the lowest bit of the
// first byte set), because no network card owns one. The error is an *Error of
// kind Invalid that quotes nothing of s.
//
// net.ParseMAC is not used: it accepts 8- and 20-byte addresses too.
func ParseMAC(s string) (MAC, error) {
	var digits [12]byte
	if !macDigits(&digits, s) {
		return MAC{}, macFault(s, "mac_addr is not a MAC address: write 48 bits such as aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff or aabbccddeeff")
	}
	var m MAC
	if _, err := hex.Decode(m[:], digits[:]); err != nil {
		return MAC{}, macFault(s, "mac_addr holds a character that is not a hex digit: write it such as aa:bb:cc:dd:ee:ff")
	}
	if m == (MAC{}) || m[0]&1 != 0 {
		return MAC{}, &Error{Kind: Invalid, Message: "mac_addr is a group or zero address, which no network card owns: use the card's own address"}
	}
	return m, nil
}

// macDigits copies the twelve digit positions of s and reports whether the
// separators stand where one of the four spellings has them.
func macDigits(digits *[12]byte, s string) bool {
	var separator byte
	group := 12 // digits between separators
	switch len(s) {
	case 12:
	case 14:
		separator, group = '.', 4
	case 17:
		separator, group = s[2], 2
		if separator != ':' && separator != '-' {
			return false
		}
	default:
		return false
	}
	n := 0
	for i := range len(s) {
		if (i+1)%(group+1) == 0 {
			if s[i] != separator {
				return false
			}
			continue
		}
		digits[n] = s[i]
		n++
	}
	return true
}

// String returns the lower-case colon form, such as "aa:bb:cc:dd:ee:ff".
func (m MAC) String() string {
	text, _ := m.AppendText(make([]byte, 0, textLen))
	return string(text)
}

// MarshalText returns the same form as String; it never fails.
func (m MAC) MarshalText() ([]byte, error) { return m.AppendText(make([]byte, 0, textLen)) }

// AppendText appends the same form; it never fails.
func (m MAC) AppendText(b []byte) ([]byte, error) {
	for i := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, m[i:i+1])
	}
	return b, nil
}

// UnmarshalText reads what ParseMAC reads.
func (m *MAC) UnmarshalText(text []byte) error {
	parsed, err := ParseMAC(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}
