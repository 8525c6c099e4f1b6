package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/files"
)

// TestReadKnowsEncodings has what Notepad and PowerShell make of a file.
func TestReadKnowsEncodings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"plain":                  {"key\r\n", "key\r\n"},
		"empty":                  {"", ""},
		"one character":          {"k", "k"},
		"byte order mark":        {"\xEF\xBB\xBFkey\r\n", "key\r\n"},
		"nothing but a mark":     {"\xEF\xBB\xBF", ""},
		"UTF-16, little-endian":  {"\xFF\xFEk\x00\r\x00\n\x00", ""},
		"UTF-16, big-endian":     {"\xFE\xFF\x00k\x00\r\x00\n", ""},
		"UTF-16 without a mark":  {"k\x00\r\x00\n\x00", ""},
		"the same, big-endian":   {"\x00k\x00\r\x00\n", ""},
		"a mark inside the text": {"k\xEF\xBB\xBFy", "k\xEF\xBB\xBFy"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := files.Read(path, files.Secret)
		if strings.Contains(tt.text, "\x00") {
			if err == nil || err.Error() != path+" is UTF-16: save it as UTF-8" {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		} else if err != nil || string(text) != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, tt.want)
		}
	}
}
