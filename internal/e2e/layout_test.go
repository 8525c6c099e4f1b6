package e2e

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"go/version"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"

	"wolgate/internal/woltest"
)

// allowed is who may import whom: arrows point down only, and siblings do not
// know each other. What is not of this module is named by its module.
func allowed() map[string][]string {
	return map[string][]string{
		// wire and domain
		"internal/magicpacket": {},
		"internal/strictjson":  {},
		"internal/wol":         {"internal/strictjson"},
		"internal/policy":      {"internal/wol", "golang.org/x/time"},
		"internal/apikey":      {"internal/files", "internal/strictjson", "internal/wol"},
		// kit
		"internal/files":     {},
		"internal/problem":   {"internal/wol"},
		"internal/logs":      {},
		"internal/program":   {"internal/logs"},
		"internal/ratelimit": {},
		"internal/sdnotify":  {},
		"internal/netlimit":  {"internal/logs", "internal/ratelimit"},
		"internal/audit":     {"internal/logs", "internal/ratelimit", "internal/wol"},
		"internal/keyring":   {"internal/apikey", "internal/audit", "internal/files", "internal/program", "internal/wol"},
		"internal/keycmd":    {"internal/apikey", "internal/program", "internal/wol"},
		"internal/ops":       {"internal/netlimit"},
		// the kernel
		"internal/rtnetlink": {"golang.org/x/sys"},
		// adapters
		"internal/broadcast": {"internal/magicpacket", "internal/logs", "internal/rtnetlink", "internal/wol", "golang.org/x/net", "golang.org/x/sys"},
		"internal/doctor":    {"internal/magicpacket", "internal/rtnetlink", "internal/wol", "golang.org/x/net", "golang.org/x/sys"},
		"internal/unixsock":  {"internal/logs", "internal/program"},
		"internal/wolhttp":   {"internal/problem", "internal/logs", "internal/wol", "internal/program"},
		"internal/gateway":   {"docs", "internal/apikey", "internal/audit", "internal/problem", "internal/ratelimit", "internal/wol", "github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/swaggo/fiber-swagger", "internal/fasthttpd"},
		"docs":               {"github.com/swaggo/swag/v2"},
		"internal/wolserver": {"internal/broadcast", "internal/netlimit", "internal/doctor", "internal/policy", "internal/logs", "internal/program", "internal/sdnotify", "internal/unixsock", "internal/wol", "internal/wolhttp", "internal/files"},
		"internal/apiserver": {"internal/apikey", "internal/audit", "internal/netlimit", "internal/gateway", "internal/logs", "internal/program", "internal/sdnotify", "internal/unixsock", "internal/wol", "internal/wolhttp", "golang.org/x/sync", "internal/files", "internal/keycmd", "internal/keyring", "internal/metrics", "internal/ops", "internal/policy"},
		"internal/fasthttpd": {"github.com/valyala/fasthttp"},
		"internal/metrics":   {"internal/gateway", "internal/program", "internal/wol", "github.com/prometheus/client_golang"},
		"cmd/wol-server":     {"internal/wolserver"},
		"cmd/api-server":     {"internal/apiserver"},
		// measures the wirings and what stands in for them, so it knows every layer
		"internal/bench": {"internal/apikey", "internal/audit", "internal/broadcast", "internal/gateway", "internal/magicpacket", "internal/netlimit", "internal/policy", "internal/logs", "internal/program", "internal/unixsock", "internal/wol", "internal/wolhttp", "github.com/gofiber/fiber/v2", "github.com/vishvananda/netlink", "golang.org/x/sync", "golang.org/x/sys"},
		// support of tests
		"internal/leak":       {},
		"internal/skip":       {},
		"internal/woltest":    {"internal/magicpacket", "internal/wol", "github.com/google/go-cmp"},
		"internal/lantest":    {"internal/leak", "internal/skip", "github.com/mdlayher/packet", "github.com/vishvananda/netlink", "github.com/vishvananda/netns", "golang.org/x/sys"},
		"internal/e2e":        {},
		"internal/e2e/page":   {},
		"internal/e2e/boot":   {},
		"internal/e2e/engine": {},
	}
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	table := allowed()
	type pkg struct {
		ImportPath string
		Imports    []string
		Standard   bool
	}
	modules := map[string]string{} // import path of another module's package, to its module
	var ours []pkg
	for p := range golist[struct {
		pkg
		Module *struct{ Path string }
	}](t, "-deps", "wolgate/...") {
		switch {
		case p.Standard:
		case p.Module.Path == "wolgate":
			ours = append(ours, p.pkg)
		default:
			modules[p.ImportPath] = p.Module.Path
		}
	}
	for _, p := range ours {
		name := strings.TrimPrefix(p.ImportPath, "wolgate/")
		may, known := table[name]
		if !known {
			t.Errorf("package %s has no row in the table", name)
		}
		delete(table, name)
		for _, path := range p.Imports {
			imported, isOurs := strings.CutPrefix(path, "wolgate/")
			if !isOurs {
				if imported = modules[path]; imported == "" {
					continue // standard library
				}
			}
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which its row does not allow", name, imported)
			}
		}
	}
	for name := range table {
		t.Errorf("the table has a row for %s, which is no package", name)
	}
}

// golist decodes what go list -json prints.
func golist[T any](t *testing.T, args ...string) func(yield func(T) bool) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard,Module"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(T) bool) {
		d := json.NewDecoder(strings.NewReader(string(out)))
		for {
			var one T
			if err := d.Decode(&one); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if !yield(one) {
				return
			}
		}
	}
}

// TestWhatTheBinariesLink reads the build information that Go puts into them.
func TestWhatTheBinariesLink(t *testing.T) {
	t.Parallel()
	bin := woltest.Build(t)
	daemon := modulesOf(t, filepath.Join(bin, "wol-server"))
	for path := range daemon {
		if !strings.HasPrefix(path, "golang.org/x/") {
			t.Errorf("wol-server links %s", path)
		}
	}
	if len(daemon) == 0 {
		t.Error("wol-server links no module at all: the build information was not read")
	}
	gateway := modulesOf(t, filepath.Join(bin, "api-server"))
	// Below these, the parser accepts smuggled and malformed requests.
	for path, floor := range map[string]string{"github.com/valyala/fasthttp": "v1.73.0", "github.com/gofiber/fiber/v2": "v2.52.15"} {
		if got := gateway[path]; semver.Compare(got, floor) < 0 {
			t.Errorf("api-server links %s %q, want at least %s", path, got, floor)
		}
	}
}

// TestGoIsNewEnough: the standard library is linked into both programs, and
// what was mended in it comes with the compiler. go.mod says only which language.
func TestGoIsNewEnough(t *testing.T) {
	t.Parallel()
	const floor = "go1.26.6"
	bin := woltest.Build(t)
	for _, name := range []string{"wol-server", "api-server"} {
		info, err := buildinfo.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		release, _, _ := strings.Cut(info.GoVersion, " ") // experiments follow
		if !version.IsValid(release) || version.Compare(release, floor) < 0 {
			t.Errorf("%s was built by %q, want at least %s", name, info.GoVersion, floor)
		}
	}
}

func modulesOf(t *testing.T, binary string) map[string]string {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		modules[m.Path] = m.Version
	}
	return modules
}
