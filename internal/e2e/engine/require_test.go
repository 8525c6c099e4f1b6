package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// wants skips the test unless what it runs is installed, and returns a docker client that
// builds with BuildKit: one of 20.10 to 22, which has it built in, or one with buildx.
func wants(t *testing.T) (client string) {
	t.Helper()
	for program, debian := range map[string]string{
		"dockerd": "docker.io", "docker-compose": "docker-compose", "docker-registry": "docker-registry", "iptables": "iptables",
		"caddy": "caddy", "nginx": "nginx-light", "busybox": "busybox", "git": "git", "curl": "curl", "make": "make",
	} {
		skip.Unless(t, program, debian)
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		client := filepath.Join(dir, "docker")
		said, _ := exec.Command(client, "--version").Output() // Docker version 20.10.24+dfsg1, build 297e128
		if strings.HasPrefix(string(said), "Docker version 20.10.") || exec.Command(client, "buildx", "version").Run() == nil {
			return client
		}
	}
	skip.Because(t, "docker does not build with BuildKit: apt-get install docker-buildx")
	return ""
}
