package program

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Set in builds of images, which have no repository to look at: go build
// -ldflags "-X wolgate/internal/program.version=... -X wolgate/internal/program.revision=...".
var version, revision string

// Version returns BuildInfo in one line.
func Version() string {
	release, commit, compiler := BuildInfo()
	return strings.Join(strings.Fields(release+" "+commit+" "+compiler), " ")
}

// BuildInfo returns the version, the commit and the compiler that the binary was built
// from, as far as the build knew them; the commit may be empty.
func BuildInfo() (release, commit, compiler string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", revision, runtime.Version()
	}
	release, commit = info.Main.Version, revision
	if version != "" {
		release = version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return release, commit, info.GoVersion
}
