package engine

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// TestDockerKnowsTheFlags asks the client of every docker command in the scripts. A client
// with buildx has no flag less.
func TestDockerKnowsTheFlags(t *testing.T) {
	client := buildKit()
	if client == "" {
		skip.Because(t, "not installed: docker.io, or docker with buildx")
	}
	found := 0
	for _, file := range []string{"../../../Makefile", "../../../.ci/release", "../../../.ci/deploy"} {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, c := range dockerCommands(string(text)) {
			found++
			help := exec.Command(client, append(c.verb, "--help")...)
			help.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "DOCKER_HOST=unix:///nowhere")
			out, err := help.CombinedOutput()
			if err != nil {
				t.Errorf("%s: docker %v is no command: %s", file, c.verb, out)
			}
			for _, flag := range c.flags {
				if !regexp.MustCompile(`(?m)^\s+(-\w, +)?` + flag + `\b|^\s+` + flag + `,`).Match(out) {
					t.Errorf("%s: docker %s has no %s", file, strings.Join(c.verb, " "), flag)
				}
			}
		}
	}
	if found < 18 {
		t.Errorf("%d docker commands were found", found)
	}
}

type dockerCommand struct{ verb, flags []string }

// dockerCommands finds them wherever they are in a script: at the start of a line, and in
// what is piped, substituted or printed. The flags in confine=(...) are those of run.
func dockerCommands(script string) (all []dockerCommand) {
	script = regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(script, "")
	script = strings.ReplaceAll(script, "\\\n", " ")
	if m := regexp.MustCompile(`(?s)confine=\((.*?)\)`).FindStringSubmatch(script); m != nil {
		script = strings.ReplaceAll(script, m[0], "docker run "+strings.ReplaceAll(m[1], "\n", " "))
	}
	// A subcommand is a word; what follows ends with the command.
	for _, m := range regexp.MustCompile(`\bdocker ((?:manifest|volume|network|image) \w+|[a-z]+)\b([^\n;|]*)`).FindAllStringSubmatch(script, -1) {
		c := dockerCommand{verb: strings.Fields(m[1])}
		for _, word := range strings.Fields(m[2]) {
			if flag := regexp.MustCompile(`^(--?[a-z][a-z-]*)`).FindStringSubmatch(word); flag != nil {
				c.flags = append(c.flags, flag[1])
			}
		}
		all = append(all, c)
	}
	return all
}
