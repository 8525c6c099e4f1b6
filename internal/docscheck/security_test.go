package docscheck

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// TestSecurityNamesItsTests reads docs/security.md: every requirement names tests that
// exist and the tiers in which they run, and no number is missing without a reason.
func TestSecurityNamesItsTests(t *testing.T) {
	t.Parallel()
	tierOf := tiers(t)
	_, table, found := strings.Cut(read(t, "docs/security.md"), "| | requirement | test | tier |\n|---|---|---|---|\n")
	table, left, complete := strings.Cut(table, "\n## Left out\n")
	if !found || !complete {
		t.Fatal("docs/security.md has no table of requirements, or none of what was left out")
	}
	rows, last := 0, ""
	for row := range strings.Lines(strings.TrimSpace(table)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("a row with %d cells: %s", len(cells), row)
		}
		id := strings.TrimSpace(cells[0])
		if strings.HasPrefix(id, "*") {
			continue // a heading
		}
		var want []string
		for _, name := range regexp.MustCompile(`\b(Test|Fuzz)\w+`).FindAllString(cells[2], -1) {
			if tierOf[name] == "" {
				t.Errorf("%s does not exist; it was to decide %s:%s", name, id, cells[1])
			}
			want = append(want, tierOf[name])
		}
		slices.SortFunc(want, func(a, b string) int {
			return strings.Index("quick test nightly", a) - strings.Index("quick test nightly", b)
		})
		if got, want := strings.TrimSpace(cells[3]), strings.Join(slices.Compact(want), ", "); got != want || got == "" {
			t.Errorf("%s: the tier is %q, want %q", id, got, want)
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

// tiers returns the tier of every test: nightly behind the build tag soak, quick in the
// packages that make quick runs, and test.
func tiers(t *testing.T) map[string]string {
	t.Helper()
	skip.Unless(t, "make", "make")
	out, err := exec.Command("make", "--no-print-directory", "-C", root, "quick-packages").Output()
	if err != nil {
		t.Fatal(err)
	}
	quick := strings.Fields(string(out))
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	all := map[string]string{}
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tier := "test"
		switch dir, _ := strings.CutPrefix(filepath.ToSlash(filepath.Dir(path)), root); {
		case strings.HasPrefix(string(text), "//go:build soak\n"):
			tier = "nightly"
		case slices.Contains(quick, "wolgate"+dir):
			tier = "quick"
		}
		for _, found := range declared.FindAllSubmatch(text, -1) {
			all[string(found[1])] = tier
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ordinal returns the number in an id such as B12.
func ordinal(id string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(id, "ABCDEFGHIJKLMN"))
	return n
}
