package docscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestSecurityNamesItsTests reads docs/security.md: every requirement names a test,
// every test that it names exists, and no number is missing without a reason.
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
	_, table, found := strings.Cut(read(t, "docs/security.md"), "| | requirement | test |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/security.md has no table of requirements")
	}
	table, left, found := strings.Cut(table, "\n## Left out\n")
	if !found {
		t.Fatal("docs/security.md does not say what was left out")
	}
	rows, last := 0, ""
	for row := range strings.Lines(strings.TrimSpace(table)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		if len(cells) != 3 {
			t.Fatalf("a row with %d cells: %s", len(cells), row)
		}
		id := strings.TrimSpace(cells[0])
		if strings.HasPrefix(id, "*") {
			continue
		}
		names := regexp.MustCompile(`\b(Test|Fuzz)\w+`).FindAllString(cells[2], -1)
		if len(names) == 0 {
			t.Errorf("no test decides %s:%s", id, cells[1])
		}
		for _, name := range names {
			if !exists[name] {
				t.Errorf("%s does not exist; it was to decide %s:%s", name, id, cells[1])
			}
		}
		// A number that is missing is one that was left out.
		if n, m := ordinal(id), ordinal(last); id[:1] == last[:min(1, len(last))] {
			for gap := m + 1; gap < n; gap++ {
				if missing := id[:1] + strconv.Itoa(gap); !regexp.MustCompile(`\b` + missing + `\b`).MatchString(left) {
					t.Errorf("%s is neither required nor left out", missing)
				}
			}
		}
		last = id
		rows++
	}
	if rows < 100 {
		t.Errorf("only %d requirements", rows)
	}
}

// ordinal returns the number in an id such as B12.
func ordinal(id string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(id, "ABCDEFGHIJKLMN"))
	return n
}
