package engine

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// place is where the pipeline's images go: a registry that wants a password.
const (
	registryAddress  = "localhost:5000"
	place            = registryAddress + "/group/wolgate"
	registryPassword = "only-for-this-test"
	// What htpasswd -B -C 4 makes of it: the registry computes it anew for every request.
	registryHash = "$2y$04$abcdefghijklmnopqrstuuksBkI1YOOqxWRoEu7YcL.Xb.fRlWgPa"
)

// pipeline returns the variables that a job of this commit has, most of them from GitLab.
func (w *world) pipeline(tag string, more ...string) []string {
	return append(more, "IMAGES="+place, "TAG="+tag, "VERSION="+tag, "INSECURE=--insecure", "SOCKS="+w.socks(),
		"CI_REGISTRY="+registryAddress, "CI_REGISTRY_USER=ci", "CI_REGISTRY_PASSWORD="+registryPassword)
}

func (w *world) socks() string { return filepath.Join(w.dir, "tmp/srv/wol-server/socks") }

// release runs what the job of this name runs: for one commit all of it, for the next one
// the least that there is to deploy.
func release(t *testing.T, w *world) {
	w.registry(t)
	if out, err := w.tryIn("../../..", w.pipeline("aaaa1111"), "make", "release"); err == nil {
		t.Errorf("the registry takes images from anybody:\n%s", out)
	}
	w.runIn(t, "../../..", w.pipeline("aaaa1111"), "make", "login", "release")
	released(t, w, "aaaa1111")
	// A runner that begins with nothing takes from the registry what was downloaded before.
	w.run(t, "docker", "rmi", "--force", place+"/cache:modules")
	w.run(t, "docker", "builder", "prune", "--all", "--force", "--filter", "type=regular")
	out := w.runIn(t, "../../..", w.pipeline("bbbb2222", "PLATFORMS=linux/amd64"), "sh", "-c", "make login release 2>&1")
	first, _, _ := strings.Cut(out, "naming to ")
	step := regexp.MustCompile(`(?m)^(#\d+) \[modules .*RUN go mod download$`).FindStringSubmatch(first)
	if step == nil || !strings.Contains(first, step[1]+" CACHED") {
		t.Errorf("the cache in the registry was of no use:\n%s", first)
	}
}

// released looks at what the registry has: every image for three kinds of processors, by
// the name of the commit and as latest.
func released(t *testing.T, w *world, tag string) {
	for _, name := range []string{"wol-server", "api-server"} {
		for _, list := range []string{tag, "latest"} {
			var found struct {
				Manifests []struct {
					Platform struct{ Architecture, OS, Variant string }
				}
			}
			must(t, json.Unmarshal([]byte(w.run(t, "docker", "manifest", "inspect", "--insecure", place+"/"+name+":"+list)), &found))
			var got []string
			for _, m := range found.Manifests {
				got = append(got, m.Platform.OS+"/"+m.Platform.Architecture+"/"+m.Platform.Variant)
			}
			slices.Sort(got)
			if diff := cmp.Diff([]string{"linux/amd64/", "linux/arm/v7", "linux/arm64/"}, got); diff != "" {
				t.Errorf("%s:%s (-want +got):\n%s", name, list, diff)
			}
		}
		for arch, want := range map[string]struct {
			machine elf.Machine
			class   elf.Class
		}{
			"amd64": {elf.EM_X86_64, elf.ELFCLASS64},
			"arm64": {elf.EM_AARCH64, elf.ELFCLASS64},
			"armv7": {elf.EM_ARM, elf.ELFCLASS32},
		} {
			image := fmt.Sprintf("%s/%s:%s-%s", place, name, tag, arch)
			if machine, class := w.machine(t, image, "/usr/local/bin/"+name); machine != want.machine || class != want.class {
				t.Errorf("%s is for %v %v", image, machine, class)
			}
		}
	}
}

// deploy runs what the job deploy-service runs.
func deploy(t *testing.T, w *world) {
	w.registry(t)
	job, socks := w.pipeline, w.socks()
	t.Cleanup(func() {
		w.run(t, "docker", "rm", "--force", "wol-server", "api-server")
		w.run(t, "docker", "volume", "rm", "--force", "wol-socks", "api-keys")
		w.run(t, "docker", "network", "rm", "wolgate")
	})
	out, err := w.tryIn("../../..", job("aaaa1111"), "make", "login", "deploy")
	command := regexp.MustCompile(`(?m)(docker run --rm \S+ \S+ keys add first)$`).FindStringSubmatch(out)
	if err == nil || command == nil {
		t.Fatalf("without a key, make deploy: %v\n%s", err, out)
	}
	key := w.run(t, "sh", "-c", command[1]+" 2>/dev/null")
	c := w.client(gatewayURL, key)
	w.wakes(t, c, "after the first key")
	w.runIn(t, "../../..", job("aaaa1111"), "make", "login", "deploy")
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
	w.runIn(t, "../../..", job("bbbb2222"), "make", "login", "deploy")
	w.wakes(t, c, "after the next make deploy")
	crowd.end(t, w, "make deploy", copies)
	for _, name := range []string{"wol-server", "api-server"} {
		if out := w.run(t, "docker", "exec", name, name, "version"); !strings.HasPrefix(out, name+" bbbb2222 ") {
			t.Errorf("%s is %s", name, out)
		}
	}
	if after := w.run(t, "docker", "exec", "api-server", "api-server", "keys", "list"); after != before {
		t.Errorf("keys before:\n%s\nafter:\n%s", before, after)
	}
	// One key from a protected variable of the pipeline is enough as well.
	w.runIn(t, "../../..", job("bbbb2222", "API_KEY="+someKey), "make", "login", "deploy")
	w.wakes(t, w.client(gatewayURL, someKey), "with API_KEY")
	// What cannot start replaces nothing.
	running := w.inspect(t, "wol-server").ID
	out, err = w.tryIn("../../..", job("bbbb2222", "API_KEY="+someKey, "WOL_PORT=nine"), "make", "login", "deploy")
	if err == nil || !strings.Contains(out, "WOL_PORT is") || w.inspect(t, "wol-server").ID != running {
		t.Errorf("with a wrong setting, make deploy: %v\n%s", err, out)
	}
}

// registry starts one that wants a password.
func (w *world) registry(t *testing.T) {
	t.Helper()
	dir := filepath.Join(w.dir, "tmp/registry")
	must(t, os.MkdirAll(dir, 0o755)) // with what a registry before this one has
	must(t, os.WriteFile(dir+"/htpasswd", []byte("ci:"+registryHash+"\n"), 0o600))
	config := `version: 0.1
storage: {filesystem: {rootdirectory: ` + dir + `/data}}
http: {addr: "127.0.0.1:5000"}
auth: {htpasswd: {realm: test, path: ` + dir + `/htpasswd}}
`
	must(t, os.WriteFile(dir+"/config.yml", []byte(config), 0o644))
	log := create(t, dir+"/registry.log")
	cmd := exec.Command("docker-registry", "serve", dir+"/config.yml")
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			keep(t, log.Name())
		}
	})
	until(t, "the registry answers", func() error {
		_, err := w.try("curl", "-sS", "http://"+registryAddress+"/v2/")
		return err
	})
}
