package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gatewayURL is where compose.yaml publishes the gateway.
const gatewayURL = "http://127.0.0.1:8080"

// compose does what the header of compose.yaml says, on an engine that knows nothing yet,
// and then everything that may happen to the two containers.
func compose(t *testing.T, w *world) {
	w.inDeploy(t, "build")
	defer w.inDeploy(t, "down", "--volumes")
	key := w.addKey(t, "first", "--scope", "wake", "--scope", "admin")
	w.inDeploy(t, "up", "-d")
	c := w.client(gatewayURL, key)
	w.wakes(t, c, "after up")
	curl(t, w, key)
	w.hostProxy(t, c, w.id(t, "api-server"))
	t.Run("confinement", func(t *testing.T) { confinement(t, w) })
	t.Run("NAT", func(t *testing.T) { nat(t, w) })
	t.Run("key while it runs", func(t *testing.T) {
		second := w.client(gatewayURL, w.addKey(t, "second", "--scope", "wake", "--scope", "admin"))
		made := time.Now()
		w.wakes(t, second, "with a new key")
		if took := time.Since(made); took > 5*time.Second {
			t.Errorf("the gateway took %v to know a new key", took)
		}
	})
	// A key may wake 60 times a minute; a steady client here is a small crowd.
	for i := range 3 {
		c.keys = append(c.keys, w.addKey(t, fmt.Sprint("crowd", i)))
	}
	t.Run("recovery", func(t *testing.T) { recovery(t, w, c) })
	t.Run("upgrade", func(t *testing.T) { upgrade(t, w, c) })
	t.Run("up before the first key", func(t *testing.T) {
		w.inDeploy(t, "down", "--volumes")
		w.inDeploy(t, "up", "-d")
		api := w.id(t, "api-server")
		until(t, "the gateway has been restarted because it has no key", func() error {
			if n := w.inspect(t, api).RestartCount; n < 2 {
				return fmt.Errorf("%d times", n)
			}
			return nil
		})
		if out := w.run(t, "sh", "-c", "docker logs "+api+" 2>&1"); !strings.Contains(out, "keys add") {
			t.Errorf("the log does not say what to do:\n%s", out)
		}
		w.wakes(t, w.client(gatewayURL, w.addKey(t, "late")), "with a key at last")
	})
	t.Run("guide", func(t *testing.T) { guide(t, w) })
	t.Run("change", func(t *testing.T) { change(t, w) })
}

// inDeploy runs docker-compose as the header comments say: in deploy/.
func (e *engine) inDeploy(t *testing.T, args ...string) string {
	t.Helper()
	return e.runIn(t, "../../../deploy", nil, "docker-compose", args...)
}

// addKey makes a key by the command of the header comments.
func (e *engine) addKey(t *testing.T, args ...string) string {
	t.Helper()
	out := e.inDeploy(t, append([]string{"run", "--rm", "keys", "add"}, args...)...)
	key := regexp.MustCompile(`\bwol_\S+`).FindString(out)
	if key == "" {
		t.Fatalf("keys add prints no key:\n%s", out)
	}
	return key
}

// curl is the last line of the header comment.
func curl(t *testing.T, w *world, key string) {
	t.Helper()
	text, err := os.ReadFile("../../../deploy/compose.yaml")
	must(t, err)
	line := regexp.MustCompile(`(?m)^# +(curl .*)$`).FindStringSubmatch(string(text))
	if line == nil {
		t.Fatal("the header of compose.yaml has no curl line")
	}
	out := w.run(t, "sh", "-c", strings.ReplaceAll(line[1], "KEY", key))
	if !strings.HasPrefix(out, `{"ok":true,`) {
		t.Errorf("curl prints %s", out)
	}
	w.arrives(t, "aa:bb:cc:dd:ee:ff", copies, "curl")
}

func confinement(t *testing.T, w *world) {
	for _, service := range []string{"wol-server", "api-server"} {
		id := w.id(t, service)
		w.run(t, "docker", "exec", id, service, "healthcheck")
		confined(t, w, id, service)
	}
}

// confined checks what the engine and the kernel say of a container, not what it was
// started with.
func confined(t *testing.T, w *world, id, program string) {
	t.Helper()
	c := w.inspect(t, id)
	h := c.HostConfig
	cpus := float64(h.NanoCpus) / 1e9
	if h.CPUPeriod > 0 {
		cpus = float64(h.CPUQuota) / float64(h.CPUPeriod)
	}
	memory, network, socket, keys := int64(64<<20), true, "rw", ""
	if program == "api-server" {
		memory, network, socket, keys = 256<<20, false, "ro", "ro"
	}
	if h.Memory != memory || h.PidsLimit != 128 || cpus != 1 {
		t.Errorf("%s: %d bytes, %d processes, %v processors", program, h.Memory, h.PidsLimit, cpus)
	}
	if !h.ReadonlyRootfs || h.RestartPolicy.Name != "unless-stopped" || h.LogConfig.Config["max-size"] != "10m" {
		t.Errorf("%s: %+v", program, h)
	}
	if host := h.NetworkMode == "host"; host != network {
		t.Errorf("%s: network mode %s", program, h.NetworkMode)
	}
	got := status(t, c.State.Pid, "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
	const none, user = "0000000000000000", "65532 65532 65532 65532"
	want := map[string]string{"Uid": user, "Gid": user, "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none,
		"CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", program, diff)
	}
	mounts := mountOptions(t, c.State.Pid)
	for at, want := range map[string]string{"/": "ro", "/var/run/wol-server": socket, "/etc/api-server": keys} {
		if mounts[at] != want {
			t.Errorf("%s: %s is mounted %q, want %s", program, at, mounts[at], want)
		}
		// Not even root may write where the mount says no.
		file := filepath.Join("/proc", fmt.Sprint(c.State.Pid), "root", at, "x")
		if want != "ro" {
			continue
		}
		if err := os.WriteFile(file, nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: writing to %s: %v", program, at, err)
		}
	}
}

// status returns lines of /proc/PID/status.
func status(t *testing.T, pid int, names ...string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		for _, want := range names {
			if name == want {
				got[name] = strings.Join(strings.Fields(value), " ")
			}
		}
	}
	return got
}

// mountOptions returns ro or rw of each mount of a process (proc_pid_mountinfo(5)).
func mountOptions(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "mountinfo"))
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		got[fields[4]], _, _ = strings.Cut(fields[5], ",")
	}
	return got
}
