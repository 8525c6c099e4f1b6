package files

import (
	"bytes"
	"errors"
)

// decode returns text without the byte order mark that editors of Windows put at its
// beginning. UTF-16, in which Windows PowerShell 5 writes what is redirected by >, is
// an error with its name. It is found without a mark as well: no text of ours has a NUL.
func decode(text []byte) ([]byte, error) {
	if len(text) >= 2 {
		a, b := text[0], text[1]
		if a == 0xFF && b == 0xFE || a == 0xFE && b == 0xFF || (a == 0) != (b == 0) {
			return nil, errors.New("is UTF-16: save it as UTF-8")
		}
	}
	return bytes.TrimPrefix(text, []byte("\uFEFF")), nil
}
