package engine

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// wants skips the test unless what it runs is installed, and returns a docker client that
// builds with BuildKit: one of 20.10 to 22, which has it built in, or one with buildx.
func wants(t *testing.T) (client string) {
	t.Helper()
	var missing []string
	for program, from := range map[string]string{
		"dockerd": "docker.io", "docker-compose": "docker-compose", "docker-registry": "docker-registry", "iptables": "iptables",
		"caddy": "caddy", "nginx": "nginx-light", "busybox": "busybox-static", "git": "git", "curl": "curl", "make": "make",
	} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, from)
		}
	}
	if path, err := exec.LookPath("busybox"); err == nil && !isStatic(path) {
		missing = append(missing, "busybox-static")
	}
	if client = buildKit(); client == "" {
		missing = append(missing, "docker.io, or docker with buildx")
	}
	if slices.Sort(missing); len(missing) > 0 {
		skip.Because(t, "not installed: "+strings.Join(missing, ", "))
	}
	return client
}

func buildKit() string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		client := filepath.Join(dir, "docker")
		if exec.Command(client, "buildx", "version").Run() == nil {
			return client
		}
		said, _ := exec.Command(client, "--version").Output() // Docker version 20.10.24+dfsg1, build 297e128
		for _, version := range []string{"20.10.", "22.06."} {
			if strings.HasPrefix(string(said), "Docker version "+version) {
				return client
			}
		}
	}
	return ""
}

// isStatic reports whether a program needs no dynamic loader.
func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
