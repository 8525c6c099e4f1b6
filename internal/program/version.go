package program

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// version is what an image's build says it is: go build -ldflags "-X wolgate/internal/program.version=...".
var version string

// Version returns in one line what Build does.
func Version() string {
	release, revision, compiler := Build()
	return strings.Join(strings.Fields(release+" "+revision+" "+compiler), " ")
}

// Build returns the version, the commit and the compiler that the binary was built
// from, as far as the build knew them; the commit may be empty.
func Build() (release, revision, compiler string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "", runtime.Version()
	}
	release = info.Main.Version
	if version != "" {
		release = version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return release, revision, info.GoVersion
}
