package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestDiscordBot runs the bot of docs/examples/discord-bot as it is, with the
// real discord.js and the real programs. Only Discord is a fake.
func TestDiscordBot(t *testing.T) {
	t.Parallel()
	bot := newNodeProject(t, "docs/examples/discord-bot", "internal/e2e/testdata/discord/fake.mjs")
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--rate", "1/h", "--burst", "1")
	discord, say := bot.node(t, nil, "fake.mjs")
	says(t, discord, "listening")
	api := fmt.Sprint(discord.wait(t, "at", "listening")["api"])
	environ := []string{
		"DISCORD_API=" + api, "DISCORD_TOKEN=token-of-the-test", "DISCORD_GUILD=900000000000000002", "ALLOWED_USERS=1, 2",
		"WOLGATE_URL=" + p.url + "/", "WOLGATE_KEY=" + p.key, "TARGETS=desktop=" + someMAC + ", nas = 02:00:00:00:00:01,", // as people write them
	}
	registered, _ := bot.node(t, environ, "register.mjs")
	says(t, registered, "/wake knows desktop, nas")
	commands, err := json.Marshal(discord.wait(t, "at", "commands")["commands"])
	if err != nil || !strings.Contains(string(commands), `"value":"nas"`) {
		t.Errorf("registered: %s", commands)
	}

	log, _ := bot.node(t, environ, "bot.mjs")
	says(t, log, "ready\n")
	wake := func(user, computer, says string) {
		t.Helper()
		discord.forget()
		if _, err := fmt.Fprintf(say, `{"user":%q,"computer":%q}`+"\n", user, computer); err != nil {
			t.Fatal(err)
		}
		edit := discord.wait(t, "at", "edit")
		if !strings.Contains(fmt.Sprint(edit["content"]), says) || fmt.Sprint(edit["mentions"]) != "map[parse:[]]" {
			t.Errorf("user %s, %s: the bot says %q, want %q", user, computer, edit, says)
		}
		discord.wait(t, "at", "callback", "type", "5", "flags", "64") // deferred, and for this user only
	}
	wake("3", "desktop", "not on the list")
	wake("1", "laptop", "no computer named laptop")
	r.Nothing(t)
	wake("2", "desktop", "Magic packet for desktop sent")
	if got := r.Next(t); len(got) != 102 {
		t.Errorf("%d bytes", len(got))
	}
	wake("1", "desktop", "this key has asked too often")
	wake("1", "desktop", "(try again in 3") // 3600 s, or one or two less
	r.Nothing(t)
	p.gateway.signal(syscall.SIGTERM)
	p.gateway.exit(t)
	wake("1", "desktop", "the gateway does not answer")
	if strings.Contains(log.String(), p.key) || strings.Contains(discord.String(), `"unexpected"`) {
		t.Errorf("the bot logs:\n%s\nand does:\n%s", log, discord)
	}
}

// TestNodeRED runs the flow of docs/examples/node-red in the real Node-RED, and
// presses its button.
func TestNodeRED(t *testing.T) {
	t.Parallel()
	red := newNodeProject(t, "internal/e2e/testdata/node-red", "docs/examples/node-red/flow.json")
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--rate", "1/h", "--burst", "1")
	address := woltest.FreeAddress(t)
	log, _ := red.node(t, []string{"PORT=" + strings.Split(address, ":")[1], "HOME=" + red.dir, "WOLGATE_URL=" + p.url, "WOLGATE_KEY=" + p.key},
		"node_modules/node-red/red.js", "--userDir", red.dir, "--settings", filepath.Join(red.dir, "settings.js"))
	press := func() {
		t.Helper()
		answer, err := http.Post("http://"+address+"/inject/wolgate-inject", "application/json", nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", answer, err)
		}
		_ = answer.Body.Close()
	}
	says(t, log, "Started flows")
	press()
	says(t, log, "[debug:outcome] magic packet sent")
	r.Next(t)
	press()
	says(t, log, "[debug:outcome] failed: this key has asked too often")
	says(t, log, "(try again in 3")
	r.Nothing(t)
	p.gateway.signal(syscall.SIGTERM)
	p.gateway.exit(t)
	press()
	says(t, log, "[debug:outcome] failed: ECONNREFUSED")
}

// TestDiscordBotNamesWhatIsNotSet: without .env it ends with a line that a person can use.
func TestDiscordBotNamesWhatIsNotSet(t *testing.T) {
	t.Parallel()
	node := skip.Unless(t, "node", "nodejs")
	cmd := exec.Command("env", "--ignore-environment", "TARGETS=desktop="+someMAC, node, "wake.mjs")
	cmd.Dir = absolute(t, "docs/examples/discord-bot")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "WOLGATE_URL is not set: copy env.example to .env") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v: %s", err, out)
	}
}

// nodeProject is a folder with the files of a Node.js project of the checkout,
// and what npm has installed for it. The tests themselves install nothing: their
// network has no way out.
type nodeProject struct{ dir string }

// newNodeProject copies a project and more files into a folder of the test's own.
func newNodeProject(t *testing.T, project string, more ...string) nodeProject {
	t.Helper()
	skip.Unless(t, "node", "nodejs")
	modules := absolute(t, filepath.Join(project, "node_modules"))
	if _, err := os.Stat(modules); err != nil {
		skip.Because(t, "there is no "+modules+": run make npm")
	}
	p := nodeProject{dir: t.TempDir()}
	if err := os.Symlink(modules, filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.mjs", "*.js", "package.json"} {
		files, err := filepath.Glob(filepath.Join(root, project, pattern))
		if err != nil {
			t.Fatal(err)
		}
		more = slices.Concat(more, files)
	}
	for _, file := range more {
		text := readme(t, strings.TrimPrefix(file, root+"/"))
		if err := os.WriteFile(filepath.Join(p.dir, filepath.Base(file)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// node starts a program of the project and returns what it writes, and its
// standard input.
func (p nodeProject) node(t *testing.T, environ []string, args ...string) (*logLines, io.Writer) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("env", slices.Concat([]string{"--ignore-environment"}, environ, []string{node}, args)...)
	cmd.Dir = p.dir
	out := newLog()
	cmd.Stdout = out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := startCommand(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s%s", args[0], out, started.log)
		}
	})
	return out, in
}

// says waits for words of a program that starts as slowly as Node.js does on a
// busy machine.
func says(t *testing.T, log *logLines, words string) {
	t.Helper()
	deadline := time.Now().Add(3 * woltest.Patience)
	for !strings.Contains(log.String(), words) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody has said %q:\n%s", words, log)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}
