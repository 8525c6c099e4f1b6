package docscheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSkipsNameTheirPackage: who wants to run what was skipped is told what to install.
func TestSkipsNameTheirPackage(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile(`skip\.Because\(.*`)
	n := 0
	for _, pattern := range []string{"*.go", "*/*.go"} {
		paths, err := filepath.Glob(filepath.Join(root, "internal", "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range said.FindAllString(string(text), -1) {
				n++
				if strings.Contains(line, "install") && !strings.Contains(line, "apt-get install") {
					t.Errorf("%s: no package: %s", path, line)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d skips found", n)
	}
}
