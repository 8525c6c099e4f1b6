package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesItsTests reads docs/security.md: every requirement names a test, and
// every test that it names exists.
func TestSecurityNamesItsTests(t *testing.T) {
	t.Parallel()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	exists := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(text, -1) {
			exists[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(readme(t, "docs/security.md"), "| requirement | test |\n|---|---|\n")
	if !found {
		t.Fatal("docs/security.md has no table of requirements")
	}
	rows := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		if len(cells) != 2 {
			t.Errorf("a row with %d cells: %s", len(cells), row)
			continue
		}
		names := regexp.MustCompile(`\b(Test|Fuzz)\w+`).FindAllString(cells[1], -1)
		if len(names) == 0 {
			t.Errorf("no test decides:%s", cells[0])
		}
		for _, name := range names {
			if !exists[name] {
				t.Errorf("%s does not exist; it was to decide:%s", name, cells[0])
			}
		}
		rows++
	}
	if rows < 30 {
		t.Errorf("only %d requirements", rows)
	}
}
