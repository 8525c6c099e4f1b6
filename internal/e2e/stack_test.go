package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wolgate/internal/apiserver"
	"wolgate/internal/lantest"
	"wolgate/internal/wolserver"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) {
	os.Exit(woltest.WithPrograms(func() int { return lantest.Run(m) }))
}

// stack is both programs, or one of them: in this process, where the race detector sees
// them, or real ones.
type stack struct {
	caller
	daemon, gateway *process
	socket, keys    string
	bin             string   // the folder of the real ones
	flags           []string // of the daemon
	environ         []string // of the gateway
}

// setup is what a test changes about the stack: flags of either program beyond
// its files.
type setup struct{ daemon, gateway []string }

// start starts both in this process.
func start(t testing.TB, s setup) *stack {
	t.Helper()
	st := newStack(t, "", woltest.SocketPath(t))
	st.startDaemon(t, s.daemon...)
	st.startGateway(t, s.gateway...)
	return st
}

// startPrograms starts the real ones.
func startPrograms(t testing.TB, daemon []string, gateway ...string) *stack {
	t.Helper()
	st := newStack(t, woltest.Build(t), woltest.SocketPath(t))
	st.startDaemon(t, daemon...)
	st.startGateway(t, gateway...)
	return st
}

// newStack starts nothing yet.
func newStack(t testing.TB, bin, socket string) *stack {
	t.Helper()
	st := &stack{bin: bin, socket: socket, keys: filepath.Join(filepath.Dir(socket), "keys.json")}
	st.key = addKey(t, st.keys, "tester", "--scope", "wake", "--scope", "admin")
	return st
}

// ownNetwork keeps a daemon that would broadcast off every network that the
// tests have not made.
func ownNetwork(t testing.TB, flags []string) {
	t.Helper()
	if !slices.Contains(flags, "--destinations") {
		lantest.Require(t)
	}
}

// gatewayFlags is what every gateway here starts with: any port, no metrics, no
// limit.
func gatewayFlags(socket, keys string, more ...string) []string {
	return append([]string{"--listen", "127.0.0.1:0", "--wol-socket", socket, "--keys", keys, "--ops-listen", "", "--rate", "0"}, more...)
}

// addKey makes a key with the program's own verb.
func addKey(t testing.TB, file, name string, flags ...string) string {
	t.Helper()
	var out, notes bytes.Buffer
	args := append([]string{"keys", "add", name, "--keys", file}, flags...)
	if code := apiserver.Main(t.Context(), args, nil, &out, &notes); code != 0 {
		t.Fatalf("keys add: exit %d: %s", code, notes.String())
	}
	return strings.TrimSpace(out.String())
}

// startDaemon starts it with these flags, or with those that it had before.
func (st *stack) startDaemon(t testing.TB, flags ...string) {
	t.Helper()
	if len(flags) > 0 {
		st.flags = flags
	}
	ownNetwork(t, st.flags)
	args := append([]string{"--socket", st.socket}, st.flags...)
	if st.bin != "" {
		st.daemon = spawn(t, filepath.Join(st.bin, "wol-server"), args...)
	} else {
		c, _, err := wolserver.Load(args, nil)
		if err != nil {
			t.Fatal(err)
		}
		st.daemon = launch(t, func(ctx context.Context, log *logLines) error {
			return wolserver.Run(ctx, c, noActivation, c.Log.New(log))
		})
	}
	st.daemon.log.wait(t, "msg", "listening")
}

// noActivation is the environment of a program that systemd has not started.
func noActivation(string) string { return "" }

func (st *stack) startGateway(t testing.TB, flags ...string) {
	t.Helper()
	args := gatewayFlags(st.socket, st.keys, flags...)
	if st.bin != "" {
		cmd := exec.Command(filepath.Join(st.bin, "api-server"), args...)
		cmd.Env = st.environ
		st.serves(t, startCommand(t, cmd))
		return
	}
	c, _, err := apiserver.Load(args, st.environ)
	if err != nil {
		t.Fatal(err)
	}
	st.serves(t, launch(t, func(ctx context.Context, log *logLines) error {
		return apiserver.Run(ctx, c, noActivation, c.Log.New(log))
	}))
}

// serves waits until a gateway does, and asks it from then on.
func (st *stack) serves(t testing.TB, gateway *process) {
	t.Helper()
	st.gateway = gateway
	st.url = "http://" + gateway.log.wait(t, "msg", "listening")["address"].(string)
}

// loopback is the flags of a daemon that sends one copy to a receiver.
func loopback(r *woltest.Receiver) []string {
	return []string{"--destinations", r.Addr().String(), "--repeat", "1", "--max-pps", "1000000"}
}
