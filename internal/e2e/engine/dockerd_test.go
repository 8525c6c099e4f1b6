package engine

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/lantest"
)

// cgroups is where the engine makes its own below those of the machine.
const cgroups = "wolgate-engine"

// engine is a container engine that this test has started.
type engine struct {
	dir  string   // a tmpfs, which is not seen outside
	env  []string // with which docker and docker-compose find it
	proc *exec.Cmd
	died chan struct{} // closed when proc has ended
	log  *os.File
}

// newEngine starts an engine on a tmpfs. What it leaves in the namespaces of processes,
// mounts and networks goes with them; the cgroups it takes away itself.
func newEngine(t *testing.T) *engine {
	t.Helper()
	lantest.Require(t)
	client := wants(t)
	e := &engine{dir: "/mnt"} // a directory that every machine has
	must(t, unix.Mount("tmpfs", e.dir, "tmpfs", 0, "mode=0755"))
	t.Cleanup(func() { _ = unix.Unmount(e.dir, unix.MNT_DETACH) })
	// Where the machine has a containerd of its own the engine would use that one.
	if _, err := os.Stat("/run/containerd"); err == nil {
		must(t, unix.Mount("tmpfs", "/run/containerd", "tmpfs", 0, "mode=0755"))
		t.Cleanup(func() { _ = unix.Unmount("/run/containerd", unix.MNT_DETACH) })
	}
	for _, name := range []string{"bin", "home", "tmp"} {
		must(t, os.Mkdir(filepath.Join(e.dir, name), 0o755))
	}
	must(t, os.Symlink(client, filepath.Join(e.dir, "bin/docker")))
	e.configure(t, "{}")
	e.env = append(environment(),
		"PATH="+filepath.Join(e.dir, "bin")+":"+os.Getenv("PATH"),
		"DOCKER_HOST=unix://"+e.dir+"/docker.sock",
		"DOCKER_CONFIG="+filepath.Join(e.dir, "home"),
		"TMPDIR="+filepath.Join(e.dir, "tmp"),
		"DOCKER_BUILDKIT=1", "COMPOSE_DOCKER_CLI_BUILD=1", // the default since Docker 23
	)
	e.log = create(t, filepath.Join(e.dir, "dockerd.log"))
	t.Cleanup(func() {
		if t.Failed() {
			keep(t, e.log.Name())
		}
		_ = e.log.Close()
	})
	t.Cleanup(func() { sweepCgroups(t) })
	e.start(t)
	t.Cleanup(func() { e.stop(t) })
	return e
}

// environment is that of the tests without what make, docker or the programs would take
// for a setting: where the tests are a job of the pipeline, there is a lot of it.
func environment() []string {
	settings := regexp.MustCompile(`^((COMPOSE|DOCKER|CI|WOLGATE|WOL|API)_\w*|IMAGES|TAG|VERSION|REVISION|PLATFORMS|SOCKS|PUBLISH|M(AKE)?FLAGS|MAKELEVEL)=`)
	return slices.DeleteFunc(os.Environ(), settings.MatchString)
}

// start starts the engine, and returns once it answers.
func (e *engine) start(t *testing.T) {
	t.Helper()
	e.proc = exec.Command("dockerd", "--host=unix://"+e.dir+"/docker.sock", "--config-file="+e.dir+"/daemon.json",
		"--data-root="+e.dir+"/data", "--exec-root="+e.dir+"/exec", "--pidfile="+e.dir+"/docker.pid",
		"--storage-driver=overlay2", "--cgroup-parent=/"+cgroups, "--exec-opt=native.cgroupdriver=cgroupfs")
	e.proc.Env, e.proc.Stdout, e.proc.Stderr = e.env, e.log, e.log
	must(t, e.proc.Start())
	died := make(chan struct{})
	e.died = died
	proc := e.proc
	go func() { defer close(died); _ = proc.Wait() }()
	until(t, "the engine answers", func() error {
		select {
		case <-died:
			return fmt.Errorf("it has ended: %v", proc.ProcessState)
		default:
		}
		_, err := e.try("docker", "info", "--format", "{{.ServerVersion}}")
		return err
	})
}

// stop ends the engine as a reboot does, and with it the containers.
func (e *engine) stop(t *testing.T) { e.end(t, syscall.SIGTERM) }

// kill ends the engine alone: containers and what keeps them go on.
func (e *engine) kill(t *testing.T) { e.end(t, syscall.SIGKILL) }

// powerCut ends everything in the namespace of processes but this one and process 1.
func (e *engine) powerCut(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, name := range names {
		if pid, _ := strconv.Atoi(filepath.Base(name)); pid > 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	e.kill(t)
}

// configure writes what is in /etc/docker/daemon.json elsewhere.
func (e *engine) configure(t *testing.T, settings string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(e.dir, "daemon.json"), []byte(settings), 0o644))
}

func (e *engine) end(t *testing.T, s syscall.Signal) {
	t.Helper()
	_ = e.proc.Process.Signal(s)
	select {
	case <-e.died:
	case <-time.After(patience):
		t.Errorf("the engine has not ended %v after %v", patience, s)
		_ = e.proc.Process.Kill()
		<-e.died
	}
}

// try runs a command in the repository and returns what it prints to stdout.
func (e *engine) try(name string, args ...string) (string, error) {
	return e.tryIn("../../..", nil, name, args...)
}

func (e *engine) tryIn(dir string, env []string, name string, args ...string) (string, error) {
	var out, reason bytes.Buffer
	// env looks the name up in the PATH that the command is given.
	cmd := exec.Command("env", append([]string{name}, args...)...)
	cmd.Dir, cmd.Env = dir, append(e.env[:len(e.env):len(e.env)], env...)
	cmd.Stdout, cmd.Stderr = &out, &reason
	if err := cmd.Run(); err != nil {
		return out.String() + reason.String(), fmt.Errorf("%s %s: %w:\n%s%s", name, strings.Join(args, " "), err, out.String(), reason.String())
	}
	return out.String(), nil
}

// run is try, and fails the test where the command does.
func (e *engine) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	return e.runIn(t, "../../..", nil, name, args...)
}

func (e *engine) runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := e.tryIn(dir, env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// sweepCgroups removes what is left of the cgroups, also by a run before this one that was
// killed. Those in use stay: the kernel refuses.
func sweepCgroups(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/" + cgroups, "/sys/fs/cgroup/*/" + cgroups} {
		tops, err := filepath.Glob(pattern)
		must(t, err)
		for _, top := range tops {
			var dirs []string
			_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, _ error) error {
				if d != nil && d.IsDir() {
					dirs = append(dirs, path)
				}
				return nil
			})
			for _, dir := range slices.Backward(dirs) { // the inner ones first
				_ = unix.Rmdir(dir)
			}
		}
	}
}
