package engine

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// images builds both for this machine by make images, and looks at what is in them.
func images(t *testing.T, w *world) {
	w.builder(t)
	w.shareBuildCache(t)
	w.run(t, "make", "images", "VERSION=v9.8.7-test", "REVISION=0123abcd")
	w.run(t, "make", "images", "VERSION=v9.9.0-next", "TAG=next") // to upgrade to
	for name, want := range map[string]struct {
		limit int64
		dir   string
		mode  int64
	}{
		"wol-server": {7_000_000, "var/run/wol-server/", 0o750},
		"api-server": {30_000_000, "etc/api-server/", 0o700},
	} {
		image := "wolgate/" + name + ":latest"
		files := w.content(t, image)
		binary := "usr/local/bin/" + name
		got := map[string]string{}
		for path, f := range files {
			if f.Typeflag == tar.TypeReg || f.Uid != 0 {
				got[path] = fmt.Sprintf("%d:%d %04o", f.Uid, f.Gid, f.Mode&0o7777)
			} else if f.Typeflag != tar.TypeDir || f.Mode&0o022 != 0 {
				t.Errorf("%s: %s is of type %c, %04o", name, path, f.Typeflag, f.Mode)
			}
		}
		wantFiles := map[string]string{binary: "0:0 0755", want.dir: fmt.Sprintf("65532:65532 %04o", want.mode)}
		if diff := cmp.Diff(wantFiles, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", image, diff)
		}
		size, err := strconv.ParseInt(w.run(t, "docker", "image", "inspect", "--format", "{{.Size}}", image), 10, 64)
		must(t, err)
		if n := files[binary].Size; n > want.limit || size > n+200_000 {
			t.Errorf("%s: the binary has %d bytes, at most %d wanted; the image %d", name, n, want.limit, size)
		}
		t.Logf("%s: binary %d bytes, image %d", name, files[binary].Size, size)
		if out := w.run(t, "docker", "run", "--rm", image, "version"); !strings.HasPrefix(out, name+" v9.8.7-test ") {
			t.Errorf("%s version prints %q", name, out)
		}
		if out := w.run(t, "docker", "image", "inspect", "--format", "{{.Config.User}}", image); out != "65532:65532" {
			t.Errorf("%s: user %s", name, out)
		}
		var labels map[string]string
		must(t, json.Unmarshal([]byte(w.run(t, "docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image)), &labels))
		for label, want := range map[string]string{"title": name, "version": "v9.8.7-test", "revision": "0123abcd", "licenses": "MIT"} {
			if got := labels["org.opencontainers.image."+label]; got != want {
				t.Errorf("%s: label %s is %q, want %q", name, label, got, want)
			}
		}
	}
}

// someKey is long and no placeholder, as API_KEY has to be.
const someKey = "Zq7vR2mXc9LtB4nWf8KpJ3sYdH6gE1uA"

// health: the image's own check follows what the program does.
func health(t *testing.T, w *world) {
	quick := []string{"run", "--detach", "--health-interval=300ms", "--health-timeout=1s", "--health-start-period=0s", "--health-retries=2"}
	t.Cleanup(func() { w.run(t, "docker", "volume", "rm", "health") })
	start := func(args ...string) string {
		id := w.run(t, "docker", append(slices.Clone(quick), args...)...)
		t.Cleanup(func() { w.run(t, "docker", "rm", "--force", id) })
		return id
	}
	wol := start("--network=host", "--volume=health:/var/run/wol-server", "wolgate/wol-server:latest")
	api := start("--volume=health:/var/run/wol-server:ro", "--env=API_KEY="+someKey, "--env=API_LISTEN=:8123", "wolgate/api-server:latest")
	// A flag is no setting of the check, which reads the environment alone.
	flags := []string{
		start("--network=host", "wolgate/wol-server:latest", "--socket", "/var/run/wol-server/other.sock"),
		start("--env=API_KEY="+someKey, "wolgate/api-server:latest", "--listen", ":8124"),
	}
	both := func(signal, want string) {
		for _, id := range []string{wol, api} {
			w.run(t, "docker", "kill", "--signal="+signal, id)
		}
		for _, id := range []string{wol, api} {
			w.turns(t, id, want)
		}
	}
	w.turns(t, wol, "healthy")
	w.turns(t, api, "healthy")
	both("STOP", "unhealthy")
	both("CONT", "healthy")
	for _, id := range []string{wol, api} {
		if out, err := w.try("docker", "exec", id, "sh", "-c", "true"); err == nil {
			t.Errorf("there is a shell: %s", out)
		}
	}
	if out := w.run(t, "docker", "exec", "--user=0", wol, "wol-server", "doctor"); !strings.Contains(out, "lan0") {
		t.Errorf("doctor says:\n%s", out)
	}
	for _, id := range flags {
		w.turns(t, id, "unhealthy")
	}
}

// content returns the entries of all layers of an image, which is what was put into it:
// a container has what the engine adds as well.
func (e *engine) content(t *testing.T, image string) map[string]tar.Header {
	t.Helper()
	saved := filepath.Join(e.dir, "tmp", "saved.tar")
	defer os.Remove(saved)
	e.run(t, "docker", "save", "--output", saved, image)
	f, err := os.Open(saved)
	must(t, err)
	defer f.Close()
	files := map[string]tar.Header{}
	for saved := tar.NewReader(f); ; {
		switch _, err := saved.Next(); err {
		case nil:
		case io.EOF:
			return files
		default:
			t.Fatal(err)
		}
		// An entry that is an archive is a layer; where and of what name depends on the engine.
		for layer := tar.NewReader(saved); ; {
			h, err := layer.Next()
			if err != nil {
				break
			}
			files[h.Name] = *h
		}
	}
}
