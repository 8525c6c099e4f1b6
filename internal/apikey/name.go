package apikey

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is the length of a name in characters.
const maxName = 64

// parseName returns the name in its one spelling, NFC, since macOS takes é and 폰 apart. It
// refuses what could be mistaken for something else in a list, a log or a command line.
func parseName(text string) (string, error) {
	name := norm.NFC.String(text)
	valid := utf8.RuneCountInString(name) <= maxName
	previous := ' '
	for _, r := range name {
		switch {
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector): // letters and marks that nobody sees
			valid = false
		case unicode.In(r, unicode.L, unicode.Nd):
		case unicode.Is(unicode.M, r), strings.ContainsRune("._- ", r): // a mark belongs to what is before it
			valid = valid && previous != ' '
		default:
			valid = false
		}
		previous = r
	}
	switch {
	case !valid || previous == ' ':
		return "", errors.New("name is not 1 to 64 letters and digits of any script, with dots, dashes, underscores and single spaces between them")
	case name == envID:
		return "", errors.New("name is env, which stands for the key of API_KEY: choose another")
	case shaped(name):
		return "", errors.New("name is itself a key: choose a name that is no secret, and revoke that key if it is in use")
	}
	return name, nil
}

// Command returns the command line of the verb keys that works on the key file at path, to
// be typed into a shell.
func Command(path string, words ...string) string {
	line := "api-server keys"
	for _, word := range append(words, "--keys", path) {
		line += " " + quoted(word)
	}
	return line
}

// quoted returns the word as a shell reads it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return unicode.In(r, unicode.L, unicode.M, unicode.Nd) || strings.ContainsRune("/._-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
