package wol

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// SecureOn is the password that some network cards demand at the end of a
// magic packet: 4 or 6 bytes, or the zero value for none. It crosses the LAN
// in clear text, so it keeps accidents out and not attackers; even so it never
// shows in a log, an error or formatted text.
type SecureOn struct {
	bytes [6]byte
	size  uint8
}

// ParseSecureOn reads 8 or 12 hex digits. The error is an *Error of kind
// Invalid that quotes nothing of s.
func ParseSecureOn(s string) (SecureOn, error) {
	invalid := &Error{Kind: Invalid, Message: "secureon is not a SecureOn password: write 4 or 6 bytes as 8 or 12 hex digits"}
	if len(s) != 8 && len(s) != 12 {
		return SecureOn{}, invalid
	}
	var p SecureOn
	n, err := hex.Decode(p.bytes[:], []byte(s))
	if err != nil {
		return SecureOn{}, invalid
	}
	p.size = uint8(n)
	return p, nil
}

// Bytes returns the password's 0, 4 or 6 bytes, to be put into a packet.
func (p SecureOn) Bytes() []byte { return p.bytes[:p.size] }

// Reveal returns the hex digits that ParseSecureOn read, to be sent on to the
// daemon. It is the only way to the text; every formatting verb shows Hidden.
func (p SecureOn) Reveal() string { return hex.EncodeToString(p.Bytes()) }

// Hidden is what a SecureOn password shows when printed.
const Hidden = "[SecureOn]"

// String returns Hidden, or nothing where there is no password.
func (p SecureOn) String() string {
	if p.size == 0 {
		return ""
	}
	return Hidden
}

// Format writes String for every verb, %#v and %x included.
func (p SecureOn) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue hides the password from log/slog.
func (p SecureOn) LogValue() slog.Value { return slog.StringValue(p.String()) }
