package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// place is where the images are that make deploy pulls.
const place = "localhost:5000/group/wolgate"

// deploy runs what the job deploy-service of the pipeline runs, on images in a registry.
func deploy(t *testing.T, w *world) {
	w.registry(t)
	socks := filepath.Join(w.dir, "tmp/srv/wol-server/socks")
	try := func(tag string, settings ...string) (string, error) {
		return w.tryIn("../../..", append(settings, "IMAGES="+place, "TAG="+tag, "SOCKS="+socks), "make", "deploy")
	}
	run := func(tag string, settings ...string) {
		t.Helper()
		_, err := try(tag, settings...)
		must(t, err)
	}
	for _, name := range []string{"wol-server", "api-server"} {
		for from, to := range map[string]string{"latest": "aaaa1111", "next": "bbbb2222"} {
			w.run(t, "docker", "tag", "wolgate/"+name+":"+from, place+"/"+name+":"+to)
			w.run(t, "docker", "push", "--quiet", place+"/"+name+":"+to)
		}
	}
	t.Cleanup(func() {
		w.run(t, "docker", "rm", "--force", "wol-server", "api-server")
		w.run(t, "docker", "volume", "rm", "--force", "wol-socks", "api-keys")
		w.run(t, "docker", "network", "rm", "wolgate")
	})
	out, err := try("aaaa1111")
	command := regexp.MustCompile(`(?m)(docker run --rm \S+ \S+ keys add first --scope wake --scope admin)$`).FindStringSubmatch(out)
	if err == nil || command == nil {
		t.Fatalf("without a key, make deploy: %v\n%s", err, out)
	}
	key := w.run(t, "sh", "-c", command[1]+" 2>/dev/null")
	c := w.client(gatewayURL, key)
	w.wakes(t, c, "after the first key")
	run("aaaa1111")
	w.wakes(t, c, "after make deploy")
	info, err := os.Stat(socks)
	must(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	if owner.Uid != 65532 || owner.Gid != 65532 || info.Mode().Perm() != 0o750 {
		t.Errorf("%s belongs to %d:%d, %v", socks, owner.Uid, owner.Gid, info.Mode())
	}
	w.hostProxy(t, c, "api-server")
	confined(t, w, "wol-server", "wol-server")
	confined(t, w, "api-server", "api-server")

	for i := range 3 { // a steady client is a small crowd
		c.keys = append(c.keys, w.run(t, "sh", "-c", strings.Replace(command[1], "first", fmt.Sprint("crowd", i), 1)+" 2>/dev/null"))
	}
	w.wakes(t, c, "with the crowd's keys")
	before := w.run(t, "docker", "exec", "api-server", "api-server", "keys", "list")
	crowd := w.crowd(c)
	run("bbbb2222")
	w.wakes(t, c, "after the next make deploy")
	crowd.end(t, w, "make deploy", copies)
	for _, name := range []string{"wol-server", "api-server"} {
		if out := w.run(t, "docker", "exec", name, name, "version"); !strings.HasPrefix(out, name+" v9.9.0-next ") {
			t.Errorf("%s is %s", name, out)
		}
	}
	if after := w.run(t, "docker", "exec", "api-server", "api-server", "keys", "list"); after != before {
		t.Errorf("keys before:\n%s\nafter:\n%s", before, after)
	}
	// One key from a protected variable of the pipeline is enough as well.
	run("bbbb2222", "API_KEY="+someKey)
	w.wakes(t, w.client(gatewayURL, someKey), "with API_KEY")
	// What cannot start replaces nothing.
	running := w.inspect(t, "wol-server").ID
	out, err = try("bbbb2222", "API_KEY="+someKey, "WOL_PORT=nine")
	if err == nil || !strings.Contains(out, "WOL_PORT is") || w.inspect(t, "wol-server").ID != running {
		t.Errorf("with a wrong setting, make deploy: %v\n%s", err, out)
	}
}

// registry starts one.
func (w *world) registry(t *testing.T) {
	t.Helper()
	dir := filepath.Join(w.dir, "tmp/registry")
	must(t, os.Mkdir(dir, 0o755))
	config := "version: 0.1\nstorage: {filesystem: {rootdirectory: " + dir + "/data}}\nhttp: {addr: '127.0.0.1:5000'}\n"
	must(t, os.WriteFile(dir+"/config.yml", []byte(config), 0o644))
	cmd := exec.Command("docker-registry", "serve", dir+"/config.yml")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, "the registry answers", func() error {
		_, err := w.try("curl", "-sS", "http://localhost:5000/v2/")
		return err
	})
}
