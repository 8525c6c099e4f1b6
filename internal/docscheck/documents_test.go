package docscheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the top of the checkout, seen from this package.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestREADMEsAgree compares the code blocks and the levels of headings of each Korean
// text with those of the English one.
func TestREADMEsAgree(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?ms)^(?:<!-- [^\n]* -->\n)? *```\\w.*?^ *```$")
	heading := regexp.MustCompile(`(?m)^#+ `)
	for _, english := range []string{"README.md", "docs/benchmarks.md", "docs/deployment.md", "docs/metrics.md", "docs/operations.md", "docs/recipes.md"} {
		korean := strings.TrimSuffix(english, ".md") + ".ko.md"
		one, other := read(t, english), read(t, korean)
		if diff := cmp.Diff(code.FindAllString(one, -1), code.FindAllString(other, -1)); diff != "" {
			t.Errorf("code blocks (-%s +%s):\n%s", english, korean, diff)
		}
		levels := func(text string) []string { return heading.FindAllString(code.ReplaceAllString(text, ""), -1) }
		if diff := cmp.Diff(levels(one), levels(other)); diff != "" {
			t.Errorf("headings (-%s +%s):\n%s", english, korean, diff)
		}
	}
}

// TestRecipesShowTheirFiles compares the files that the recipes show with those that
// they link to.
func TestRecipesShowTheirFiles(t *testing.T) {
	t.Parallel()
	english := read(t, "docs/recipes.md")
	shown := regexp.MustCompile("(?ms)^<!-- file: (\\S+) -->\n```\\w+\n(.*?)^```$").FindAllStringSubmatch(english, -1)
	if len(shown) < 4 {
		t.Errorf("the recipes show only %d files", len(shown))
	}
	for _, file := range shown {
		if diff := cmp.Diff(read(t, filepath.Join("docs", file[1])), file[2]); diff != "" {
			t.Errorf("docs/%s (-file +shown):\n%s", file[1], diff)
		}
	}
	for _, text := range []string{english, read(t, "docs/recipes.ko.md")} {
		for _, link := range regexp.MustCompile(`\]\((examples/[^)#]+)\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, "docs", link[1])); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestEveryFirstKeyCanDoWhatTheREADMEDoes: the README goes on with /api/v1/interfaces, which
// takes the scope admin.
func TestEveryFirstKeyCanDoWhatTheREADMEDoes(t *testing.T) {
	t.Parallel()
	made := regexp.MustCompile(`(?m)keys add first\b.*$`)
	for _, name := range []string{
		"Makefile", "README.md", "README.ko.md", "docs/deployment.md", "docs/deployment.ko.md", ".ci/deploy", "deploy/systemd/install.sh",
		"deploy/compose.yaml", "deploy/compose.caddy.yaml", "deploy/compose.nginx.yaml", "deploy/compose.traefik.yaml",
	} {
		lines := made.FindAllString(read(t, name), -1)
		if len(lines) == 0 {
			t.Errorf("%s makes no first key", name)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "keys add first --scope wake --scope admin") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}
