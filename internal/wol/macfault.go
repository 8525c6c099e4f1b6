package wol

import (
	"strings"
	"unicode"
)

// macFault returns why s is not a MAC, or general where it has no better words; it quotes
// nothing of s. The causes are those of MACs that were copied, or written by a program.
func macFault(s, general string) error {
	if cause := macCause(s); cause != "" {
		general = cause
	}
	return &Error{Kind: Invalid, Message: general}
}

func macCause(s string) string {
	switch {
	case strings.ContainsFunc(s, unicode.IsSpace):
		return "mac_addr holds a space or a line break: omit it"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }): // such as U+200E, from the settings of Windows
		return "mac_addr holds an invisible character, which copying can add: type it by hand"
	case s != "" && len(s) < 12 && strings.Trim(s, "0123456789") == "": // 11:22:33:44:55:00 to base 60 (YAML 1.1)
		return "mac_addr is a number, and YAML reads some MACs as numbers: write the MAC in quotes there"
	case shortOctets(s):
		return "mac_addr has a byte of one digit: write two, such as 08 for 8"
	}
	return ""
}

// shortOctets reports whether s is six bytes without leading zeros, as macOS and Solaris
// print them.
func shortOctets(s string) bool {
	octets := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' })
	for _, octet := range octets {
		if len(octet) > 2 || strings.Trim(strings.ToLower(octet), "0123456789abcdef") != "" {
			return false
		}
	}
	return len(octets) == 6 && len(s) < textLen
}
