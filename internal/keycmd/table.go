package keycmd

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"wolgate/internal/apikey"
)

// table writes a line for each key below one of headings.
func table(entries []apikey.Entry, now time.Time, w io.Writer) error {
	rows := [][]string{{"NAME", "ID", "SCOPES", "TARGETS", "CREATED", "EXPIRES"}}
	for _, e := range entries {
		expires := "never"
		if !e.Expires.IsZero() {
			expires = e.Expires.Format(time.RFC3339)
		}
		if e.Expired(now) {
			expires += " (expired)"
		}
		rows = append(rows, []string{e.Name, e.ID, join(e.Scopes), join(e.Targets), e.Created.Format(time.RFC3339), expires})
	}
	widest := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widest[i] = max(widest[i], columns(cell))
		}
	}
	var text strings.Builder
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			text.WriteString(cell + strings.Repeat(" ", widest[i]-columns(cell)+2))
		}
		text.WriteString(row[len(row)-1] + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// columns returns how many columns of a terminal the text takes: a letter of Korean takes
// two (UAX #11), and an accent none.
func columns(text string) (n int) {
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// join writes a list with commas, or "any" where it is empty.
func join[T any](values []T) string {
	if len(values) == 0 {
		return "any"
	}
	texts := make([]string, len(values))
	for i, one := range values {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}
