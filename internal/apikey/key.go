package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
)

// A key is prefix, id, separator, secret and checksum, without spaces:
//
//	wol_ 4fTz0QbX _ 9sK2…32 characters…Lm 0aB3dE
//
// The prefix lets secret scanners know a leaked key; there is no character at
// which a double click would stop.
const (
	prefix     = "wol_"
	idSize     = 8
	secretSize = 32 // 190 bits
	sumSize    = 6  // 62^6 > 2^32

	idEnd     = len(prefix) + idSize
	secretEnd = idEnd + 1 + secretSize
	keySize   = secretEnd + sumSize

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// hidden is what the secret of a key shows when printed.
const hidden = "[hidden]"

// Key is the text that a caller presents. It never appears in a log, an error or
// formatted text; only Reveal returns it.
type Key struct {
	// A pointer, because fmt prints the unexported fields of another package's struct
	// without calling Format, and prints a pointer as an address.
	text *string
}

// Generate returns a new key.
func Generate() Key {
	text := make([]byte, 0, keySize)
	text = append(text, prefix...)
	text = appendRandom(text, idSize)
	text = append(text, '_')
	text = appendRandom(text, secretSize)
	sum := checksum(text)
	whole := string(append(text, sum[:]...))
	return Key{text: &whole}
}

// ID returns the public part of the key, fit for logs and lists.
func (k Key) ID() string {
	if k.text == nil {
		return ""
	}
	return (*k.text)[len(prefix):idEnd]
}

// Reveal returns the whole key, to be shown once to the person it is for.
func (k Key) Reveal() string {
	if k.text == nil {
		return ""
	}
	return *k.text
}

// String returns the key with hidden in place of its secret, or nothing for
// the zero Key.
func (k Key) String() string {
	if k.text == nil {
		return ""
	}
	return prefix + k.ID() + "_" + hidden
}

// Format writes String for every verb, %#v and %x included.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue hides the secret from log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText hides the secret from encoding/json and its like; it never fails.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k Key) digest() [sha256.Size]byte { return sha256.Sum256([]byte(k.Reveal())) }

// appendRandom appends n characters, each of the 62 equally likely: 248 is the
// largest multiple of 62 in a byte, and bytes from there on are discarded.
func appendRandom(text []byte, n int) []byte {
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // ends the program rather than fail
		for _, b := range random {
			if n == 0 {
				return text
			}
			if b < 248 {
				text = append(text, base62[b%62])
				n--
			}
		}
	}
}

// checksum returns the CRC-32 (IEEE) of text in base 62, padded with zeros. It
// finds every change of a single character.
func checksum(text []byte) (digits [sumSize]byte) {
	sum := crc32.ChecksumIEEE(text)
	for i := range digits {
		digits[sumSize-1-i] = base62[sum%62]
		sum /= 62
	}
	return digits
}

// shaped reports whether s has the length and the characters of a key.
func shaped(s string) bool {
	if len(s) != keySize || s[:len(prefix)] != prefix || s[idEnd] != '_' {
		return false
	}
	return allBase62(s[len(prefix):idEnd]) && allBase62(s[idEnd+1:])
}

// wellFormed reports whether s is a key with the right checksum.
func wellFormed(s string) bool {
	if !shaped(s) {
		return false
	}
	sum := checksum([]byte(s[:secretEnd]))
	return s[secretEnd:] == string(sum[:])
}

func allBase62(s string) bool {
	for i := range len(s) {
		if !isBase62(s[i]) {
			return false
		}
	}
	return true
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
