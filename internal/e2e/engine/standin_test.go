package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// No registry is in reach, so what the Dockerfiles and compose files name is made here,
// out of what this machine has, under the same name: a Go in place of Alpine's, Debian's
// proxies. That proves our files, and not those images.

// standIn is an image under construction: a tar archive on its way to docker import.
type standIn struct {
	t       *testing.T
	archive *tar.Writer
	done    map[string]bool
}

// imports makes an image out of what fill adds.
func (e *engine) imports(t *testing.T, name string, changes []string, fill func(*standIn)) {
	t.Helper()
	path := filepath.Join(e.dir, "tmp", "stand-in.tar")
	f := create(t, path)
	defer os.Remove(path)
	buffered := bufio.NewWriterSize(f, 1<<20)
	s := &standIn{t: t, archive: tar.NewWriter(buffered), done: map[string]bool{}}
	s.file("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/bin/false\n"))
	s.file("/etc/group", 0o644, []byte("root:x:0:\nnginx:x:101:\n"))
	s.dir("/tmp", 0o1777)
	fill(s)
	must(t, s.archive.Close())
	must(t, buffered.Flush())
	must(t, f.Close())
	args := []string{"import"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	e.run(t, "docker", append(args, path, name)...)
}

// builder is the stand-in for golang:...-alpine: this machine's Go, busybox, and the
// modules that this machine has downloaded, as the proxy that they are in the cache's form.
func (e *engine) builder(t *testing.T) {
	t.Helper()
	e.run(t, "go", "mod", "download")
	root, cache := e.run(t, "go", "env", "GOROOT"), e.run(t, "go", "env", "GOMODCACHE")
	env := "ENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOTOOLCHAIN=local GOFLAGS= GOSUMDB=off GOPROXY=file:///goproxy"
	e.imports(t, e.golang(t), []string{env, "WORKDIR /go"}, func(s *standIn) {
		s.busybox()
		for _, part := range []string{"VERSION", "go.env", "bin", "lib", "pkg", "src"} {
			s.tree(filepath.Join(root, part), "/usr/local/go/"+part)
		}
		s.tree(filepath.Join(cache, "cache/download"), "/goproxy")
	})
}

// shareBuildCache lets the builds of the images find what this machine has compiled. The
// cache that their RUN mounts is a directory of the engine; over it comes this machine's,
// as the lower layer, so that nothing is written to it or removed from it. It goes with
// the tmpfs of the engine.
func (e *engine) shareBuildCache(t *testing.T) {
	t.Helper()
	for program, tags := range map[string]string{"api-server": "nethttpomithttp2", "wol-server": "nethttpomithttp2,purego"} {
		e.runIn(t, "../../..", []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-tags="+tags, "-o", "/dev/null", "./cmd/"+program)
	}
	dir := filepath.Join(e.dir, "tmp/cache")
	for _, name := range []string{"upper", "work"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	const mounted = "/root/.cache/go-build"
	must(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+e.golang(t)+"\nRUN --mount=type=cache,target="+mounted+" touch "+mounted+"/this\n"), 0o644))
	e.run(t, "docker", "build", dir)
	found, err := filepath.Glob(filepath.Join(e.dir, "data/overlay2/*/diff/this"))
	must(t, err)
	if len(found) != 1 {
		t.Logf("the builds begin with an empty cache: %q", found)
		return
	}
	cache, at := e.run(t, "go", "env", "GOCACHE"), filepath.Dir(found[0])
	must(t, unix.Mount("overlay", at, "overlay", 0, "lowerdir="+cache+",upperdir="+dir+"/upper,workdir="+dir+"/work"))
}

// golang returns the name of the image that both are built in.
func (e *engine) golang(t *testing.T) string {
	t.Helper()
	dockerfile, err := os.ReadFile("../../../Dockerfile.wol")
	must(t, err)
	return regexp.MustCompile(`golang:\S+`).FindString(string(dockerfile))
}

// caddy is the stand-in for the official image of Caddy: the same paths, and the same file
// capability.
func (e *engine) caddy(t *testing.T, name string) {
	t.Helper()
	changes := []string{
		"ENV PATH=/usr/bin:/bin XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data", "WORKDIR /srv",
		`CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]`,
	}
	e.imports(t, name, changes, func(s *standIn) {
		s.program("caddy", "/usr/bin/caddy", netBindService())
		s.dir("/config", 0o755)
		s.dir("/data", 0o755)
	})
}

// netBindService is what setcap cap_net_bind_service=+ep leaves on a file: struct
// vfs_cap_data, revision 2, with the effective bit (capabilities(7)).
func netBindService() []byte {
	const revision2, effective, bit = 0x02000000, 1, 10
	data := make([]byte, 20)
	binary.LittleEndian.PutUint32(data, revision2|effective)
	binary.LittleEndian.PutUint32(data[4:], 1<<bit)
	return data
}

// nginx is the stand-in for the official image of nginx: its nginx.conf, and in it the
// paths that are compiled in there.
func (e *engine) nginx(t *testing.T, name string) {
	t.Helper()
	changes := []string{"ENV PATH=/usr/sbin:/usr/bin:/bin", `CMD ["nginx", "-g", "daemon off;"]`}
	e.imports(t, name, changes, func(s *standIn) {
		s.program("nginx", "/usr/sbin/nginx", nil)
		s.tree("/etc/nginx/mime.types", "/etc/nginx/mime.types")
		s.file("/etc/nginx/nginx.conf", 0o644, []byte(nginxConf))
		s.dir("/var/cache/nginx", 0o755)
		s.dir("/var/log/nginx", 0o755)
		s.link("/var/log/nginx/access.log", "/dev/stdout")
		s.link("/var/log/nginx/error.log", "/dev/stderr")
	})
}

const nginxConf = `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	access_log /var/log/nginx/access.log combined;
	sendfile on;
	keepalive_timeout 65;
	client_body_temp_path /var/cache/nginx/client_temp;
	proxy_temp_path /var/cache/nginx/proxy_temp;
	fastcgi_temp_path /var/cache/nginx/fastcgi_temp;
	uwsgi_temp_path /var/cache/nginx/uwsgi_temp;
	scgi_temp_path /var/cache/nginx/scgi_temp;
	include /etc/nginx/conf.d/*.conf;
}
`

// busybox adds it and all its names.
func (s *standIn) busybox() {
	s.program("busybox", "/bin/busybox", nil)
	names, err := exec.Command("busybox", "--list").Output()
	must(s.t, err)
	for _, name := range strings.Fields(string(names)) {
		if name != "busybox" {
			s.link("/bin/"+name, "busybox")
		}
	}
}

// program adds a program of this machine with the libraries that it is linked to, if any.
func (s *standIn) program(name, to string, capability []byte) {
	path, err := exec.LookPath(name)
	must(s.t, err)
	s.copy(path, to, capability)
	listed, _ := exec.Command("ldd", path).Output() // fails for one that is static
	for _, word := range strings.Fields(string(listed)) {
		if strings.HasPrefix(word, "/") {
			s.copy(word, word, nil)
		}
	}
}

// tree adds a file or a directory with all that is in it.
func (s *standIn) tree(from, to string) {
	must(s.t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir // a quarter of Go, and no build reads it
		case d.Type().IsRegular():
			s.copy(path, target, nil)
		case d.Type()&fs.ModeSymlink != 0:
			at, err := os.Readlink(path)
			s.link(target, at)
			return err
		}
		return nil
	}))
}

// copy adds a file, and follows a link to it.
func (s *standIn) copy(from, to string, capability []byte) {
	f, err := os.Open(from)
	must(s.t, err)
	defer f.Close()
	info, err := f.Stat()
	must(s.t, err)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: to, Size: info.Size(), Mode: int64(info.Mode().Perm()) | 0o444}
	if capability != nil {
		h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(capability)}
	}
	s.put(h, f)
}

func (s *standIn) file(to string, mode int64, text []byte) {
	s.put(&tar.Header{Typeflag: tar.TypeReg, Name: to, Mode: mode, Size: int64(len(text))}, bytes.NewReader(text))
}

func (s *standIn) dir(name string, mode int64) {
	s.put(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func (s *standIn) link(name, to string) {
	s.put(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777}, nil)
}

// put adds an entry once. The engine makes the directories above it.
func (s *standIn) put(h *tar.Header, body io.Reader) {
	h.Name = strings.TrimPrefix(h.Name, "/")
	if s.done[h.Name] {
		return
	}
	s.done[h.Name] = true
	must(s.t, s.archive.WriteHeader(h))
	if body != nil {
		_, err := io.Copy(s.archive, body)
		must(s.t, err)
	}
}
