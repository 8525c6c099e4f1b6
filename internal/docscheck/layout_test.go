package docscheck

import (
	"encoding/json"
	"errors"
	"go/version"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// allowed returns which package may import which: arrows point down only, and siblings
// do not know each other. Packages of other modules are named by their module.
func allowed() map[string][]string {
	return map[string][]string{
		// wire and domain
		"internal/magicpacket": {},
		"internal/strictjson":  {},
		"internal/wol":         {"internal/strictjson"},
		"internal/policy":      {"internal/wol", "golang.org/x/time"},
		"internal/apikey":      {"internal/files", "internal/fstype", "internal/strictjson", "internal/wol", "golang.org/x/text"},
		// kit
		"internal/fstype":    {},
		"internal/files":     {"internal/fstype", "golang.org/x/sys"},
		"internal/problem":   {"internal/wol"},
		"internal/logs":      {},
		"internal/program":   {"internal/logs"},
		"internal/ratelimit": {},
		"internal/sdnotify":  {},
		"internal/netlimit":  {"internal/logs", "internal/ratelimit"},
		"internal/audit":     {"internal/logs", "internal/ratelimit", "internal/wol"},
		"internal/keyring":   {"internal/apikey", "internal/audit", "internal/files", "internal/program", "internal/wol"},
		"internal/keycmd":    {"internal/apikey", "internal/program", "internal/wol", "golang.org/x/text"},
		"internal/ops":       {"internal/netlimit"},
		"internal/room":      {"internal/wol", "golang.org/x/sync"},
		// the kernel
		"internal/rtnetlink": {"golang.org/x/sys"},
		// adapters
		"internal/broadcast": {"internal/magicpacket", "internal/logs", "internal/rtnetlink", "internal/wol", "golang.org/x/net", "golang.org/x/sys"},
		"internal/doctor":    {"internal/magicpacket", "internal/rtnetlink", "internal/wol", "golang.org/x/net", "golang.org/x/sys"},
		"internal/unixsock":  {"internal/fstype", "internal/logs", "internal/program"},
		"internal/wolhttp":   {"internal/problem", "internal/logs", "internal/wol", "internal/program", "internal/room"},
		"internal/gateway":   {"docs", "internal/apikey", "internal/audit", "internal/problem", "internal/ratelimit", "internal/wol", "github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/swaggo/fiber-swagger", "internal/fasthttpd", "internal/room"},
		"docs":               {"github.com/swaggo/swag/v2"},
		"internal/wolserver": {"internal/broadcast", "internal/netlimit", "internal/doctor", "internal/policy", "internal/logs", "internal/program", "internal/sdnotify", "internal/unixsock", "internal/wol", "internal/wolhttp", "internal/files"},
		"internal/apiserver": {"internal/apikey", "internal/audit", "internal/netlimit", "internal/gateway", "internal/logs", "internal/program", "internal/sdnotify", "internal/unixsock", "internal/wol", "internal/wolhttp", "golang.org/x/sync", "internal/keycmd", "internal/keyring", "internal/metrics", "internal/ops", "internal/policy"},
		"internal/fasthttpd": {"github.com/valyala/fasthttp"},
		"internal/metrics":   {"internal/gateway", "internal/program", "internal/wol", "github.com/prometheus/client_golang"},
		"cmd/wol-server":     {"internal/wolserver"},
		"cmd/api-server":     {"internal/apiserver"},
		// support of tests
		"internal/leak":       {},
		"internal/skip":       {},
		"internal/woltest":    {"internal/magicpacket", "internal/wol", "github.com/google/go-cmp"},
		"internal/lantest":    {"internal/leak", "internal/skip", "github.com/mdlayher/packet", "github.com/vishvananda/netlink", "github.com/vishvananda/netns", "golang.org/x/sys"},
		"internal/docscheck":  {},
		"internal/e2e":        {},
		"internal/e2e/page":   {},
		"internal/e2e/boot":   {},
		"internal/e2e/engine": {},
	}
}

// pkg is what go list prints of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path, Version string }
}

// dependencies returns the packages and all that they import.
func dependencies(t *testing.T, packages string) (list []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard,Module", packages)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	table, all := allowed(), dependencies(t, "wolgate/...")
	modules := map[string]string{} // the path of another module's package, to its module
	for _, p := range all {
		if !p.Standard && p.Module.Path != "wolgate" {
			modules[p.ImportPath] = p.Module.Path
		}
	}
	for _, p := range all {
		name, isOurs := strings.CutPrefix(p.ImportPath, "wolgate/")
		if !isOurs {
			continue
		}
		may, known := table[name]
		if !known {
			t.Errorf("package %s has no row in the table", name)
		}
		delete(table, name)
		for _, path := range p.Imports {
			imported, isOurs := strings.CutPrefix(path, "wolgate/")
			if !isOurs {
				imported = modules[path] // none of the standard library
			}
			if imported != "" && !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which its row does not allow", name, imported)
			}
		}
	}
	for name := range table {
		t.Errorf("the table has a row for %s, which is no package", name)
	}
}

// TestWhatTheBinariesLink looks at the modules of each program.
func TestWhatTheBinariesLink(t *testing.T) {
	t.Parallel()
	linked := func(program string) map[string]string {
		modules := map[string]string{}
		for _, p := range dependencies(t, "wolgate/cmd/"+program) {
			if p.Module != nil && p.Module.Path != "wolgate" {
				modules[p.Module.Path] = p.Module.Version
			}
		}
		if len(modules) == 0 {
			t.Errorf("%s links no module at all: they were not read", program)
		}
		return modules
	}
	for path := range linked("wol-server") {
		if !strings.HasPrefix(path, "golang.org/x/") {
			t.Errorf("wol-server links %s", path)
		}
	}
	gateway := linked("api-server")
	// Below these, the parser accepts smuggled and malformed requests.
	for path, floor := range map[string]string{"github.com/valyala/fasthttp": "v1.73.0", "github.com/gofiber/fiber/v2": "v2.52.15"} {
		if got := gateway[path]; semver.Compare(got, floor) < 0 {
			t.Errorf("api-server links %s %q, want at least %s", path, got, floor)
		}
	}
}

// TestGoIsNewEnough: the standard library is linked into both programs, and its fixes
// come with the compiler. go.mod states only the language.
func TestGoIsNewEnough(t *testing.T) {
	t.Parallel()
	const floor = "go1.26.6"
	release, _, _ := strings.Cut(runtime.Version(), " ") // experiments follow
	if !version.IsValid(release) || version.Compare(release, floor) < 0 {
		t.Errorf("the compiler is %q, want at least %s", runtime.Version(), floor)
	}
}
