package engine

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guide adds to wol-server what docs/deployment.md says for an allow-list and for frames of
// EtherType 0x0842, and edits the list as an editor does.
func guide(t *testing.T, w *world) {
	dir := filepath.Join(w.dir, "tmp/guide/deploy")
	must(t, os.CopyFS(dir, os.DirFS("../../../deploy")))
	text, err := os.ReadFile("../../../docs/deployment.md")
	must(t, err)
	added := "services:\n  wol-server:\n"
	blocks := regexp.MustCompile("(?ms)^```yaml\n(    .*?)^```$").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/deployment.md has %d blocks for services.yaml", len(blocks))
	}
	for _, block := range blocks {
		added += string(block[1])
	}
	must(t, os.WriteFile(filepath.Join(dir, "added.yaml"), []byte(added), 0o644))
	list := filepath.Join(dir, "wol-server/allow")
	must(t, os.Mkdir(filepath.Dir(list), 0o755))
	before, after := w.mac(), w.mac()
	must(t, os.WriteFile(list, []byte(before+"\n"), 0o644))

	c := w.client(gatewayURL, w.addKey(t, "guide"))
	w.runIn(t, dir, []string{"COMPOSE_FILE=compose.yaml:added.yaml", "WOL_RAW=true"}, "docker-compose", "up", "-d")
	until(t, "a wake goes out as a frame too", func() error {
		if status, body := c.wake(before); status != http.StatusOK || !strings.Contains(body, "0x0842") {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	if status, body := c.wake(after); status != http.StatusForbidden {
		t.Errorf("what is not on the list: %d %s", status, body)
	}
	must(t, os.WriteFile(list+"~", []byte(after+"\n"), 0o644))
	must(t, os.Rename(list+"~", list))
	until(t, "the new list is in force", func() error {
		if status, body := c.wake(after); status != http.StatusOK {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	if status, body := c.wake(before); status != http.StatusForbidden {
		t.Errorf("what is no longer on the list: %d %s", status, body)
	}
}

// change is that of compose.yaml for another file in .env, without a word of goodbye.
func change(t *testing.T, w *world) {
	w.inDeploy(t, "up", "-d")
	proxied := []string{"COMPOSE_FILE=compose.caddy.yaml", "DOMAIN=localhost"}
	defer w.runIn(t, "../../../deploy", proxied, "docker-compose", "down", "--volumes")
	c := w.client("https://localhost", w.addKey(t, "proxied")).from(w.wan, hostOnWAN)
	w.runIn(t, "../../../deploy", proxied, "docker-compose", "up", "-d")
	w.wakes(t, c, "after the change to Caddy")
}
