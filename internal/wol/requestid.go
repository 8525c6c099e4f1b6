package wol

import (
	"crypto/rand"
	"encoding/hex"
)

// NewRequestID returns 32 random hex digits.
func NewRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(id[:])
}

// RequestID returns text if it is 1 to 64 letters, digits, dots, underscores
// and hyphens, and a new id otherwise. Nothing else may get into a log line.
func RequestID(text string) string {
	if len(text) == 0 || len(text) > 64 {
		return NewRequestID()
	}
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return NewRequestID()
		}
	}
	return text
}
