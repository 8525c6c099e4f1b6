package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"wolgate/internal/lantest"
	"wolgate/internal/skip"
	"wolgate/internal/woltest"
)

// TestRecipes runs every shell block of the recipes that is marked as tested,
// in its order, as TestREADMEExamples does.
func TestRecipes(t *testing.T) {
	runExamples(t, "docs/recipes.md", map[string]string{"docs": absolute(t, "docs")}, func(_, out string) bool {
		return strings.Contains(out, `"status":"sent"`) || strings.Contains(out, "magic packet for")
	})
}

// TestWakeScript goes through every way that docs/examples/wake ends.
func TestWakeScript(t *testing.T) {
	lantest.Require(t) // 192.0.2.1 is nobody's, and in this namespace out of reach
	skip.Unless(t, "curl", "curl")
	skip.Unless(t, "nc", "netcat-openbsd")
	r := woltest.Listen(t)
	p := startPrograms(t, []string{"--destinations", r.Addr().String(), "--repeat", "1"})
	awake, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer awake.Close()
	late := woltest.FreeAddress(t)
	waking := time.AfterFunc(1500*time.Millisecond, func() { // after the script's first look, so that it has to look again
		if l, err := net.Listen("tcp", late); err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
	})
	defer waking.Stop()

	home := t.TempDir()
	dir := filepath.Join(home, ".config", "wolgate")
	key := filepath.Join(dir, "key")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write("targets", fmt.Sprintf("# name mac host\nplain %[1]s\nawake %[1]s %[2]s\nlate %[1]s %[3]s\nasleep %[1]s 127.0.0.1:1\nother 02:00:00:00:00:01\nbroken xx\nempty\n010 02:00:00:00:00:01\n10 %[1]s\nwindows %[1]s\r\n",
		someMAC, awake.Addr(), late))
	newKey := addKey(t, p.keys, "narrow", "--target", someMAC)
	write("key", newKey+"\n")
	wake := func(code int, says string, args ...string) {
		t.Helper()
		environ := []string{"HOME=" + home, "WOLGATE_URL=" + p.url}
		got, stdout, stderr := run(t, environ, absolute(t, "docs/examples/wake"), args...)
		if got != code || !strings.Contains(stdout+stderr, says) {
			t.Errorf("wake %q: exit %d, want %d with %q; it said %q and %q", args, got, code, says, stdout, stderr)
		}
		if (code == 0) != (stderr == "") {
			t.Errorf("wake %q: exit %d, and %q on standard error, which cron would send by mail", args, code, stderr)
		}
	}
	narrow := caller{url: p.url, key: newKey}
	narrow.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK }) // the gateway follows its file

	wake(0, "magic packet for plain sent", "plain")
	wake(0, "answers at "+awake.Addr().String(), "-w", "5", "awake")
	wake(0, "late answers at "+late, "-w", "9", "late")
	wake(4, "does not answer", "-w", "1", "asleep")
	wake(1, "forbidden: this key does not allow this target", "other")
	wake(1, "invalid: ", "broken")
	wake(2, "no line for nobody", "nobody")
	wakeAt := func(url string, code int, says string) {
		t.Helper()
		if got, stdout, stderr := run(t, []string{"HOME=" + home, "WOLGATE_URL=" + url}, absolute(t, "docs/examples/wake"), "plain"); got != code || !strings.Contains(stderr, says) || stdout != "" {
			t.Errorf("wake at %s: exit %d, want %d with %q; it said %q and %q", url, got, code, says, stdout, stderr)
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/down") {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte("<html>\nno, not {\"status\":\"sent\"}\n</html>\n"))
	}))
	defer proxy.Close()
	wakeAt(proxy.URL+"/down", 1, "answers with HTTP 502, but not as wolgate does")
	wakeAt(proxy.URL, 1, "does not answer as wolgate does")
	wake(2, "use it as", "plain", "late")
	wake(2, "use it as")
	wake(0, "magic packet for 10 sent", "10") // and not for 010, which is the same number
	wake(0, "magic packet for windows sent", "windows")
	write("key", newKey+"\r\n")
	wake(0, "magic packet for plain sent", "plain")
	write("key", newKey+"\n")
	wake(2, "no line for empty, with a MAC", "empty")
	wake(2, "number of seconds", "-w", "soon", "plain")
	wake(2, "number of seconds", "-w", "08", "awake")
	wake(2, "number of seconds", "-w", "99999999999999999999", "awake") // too many for test(1)
	wake(2, "needs a HOST", "-w", "5", "plain")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	wake(2, "chmod 600", "plain")
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}

	p.daemon.signal(syscall.SIGTERM)
	p.daemon.exit(t)
	wake(75, "unavailable: nothing was sent", "plain")
	p.flags = []string{"--destinations", r.Addr().String() + ",192.0.2.1:9", "--repeat", "1"}
	p.startDaemon(t)
	wake(3, "sent to some networks, not to all: ", "plain")
	p.gateway.signal(syscall.SIGTERM)
	p.gateway.exit(t)
	wake(1, "no answer from "+p.url, "plain")
	p.startGateway(t, "--rate", "1/h", "--burst", "1")
	wake(3, "not to all", "plain")
	wake(75, "rate_limited: this key has asked too often", "plain")
	write("key", "wol_nonsense\n")
	wake(1, "unauthenticated: ", "plain")
}

// TestHomeAssistantCall makes the call that docs/examples/home-assistant tells
// Home Assistant to make: with its HTTP library, aiohttp, a POST without a body
// says that it holds bytes.
func TestHomeAssistantCall(t *testing.T) {
	t.Parallel()
	var pack struct {
		RestCommand map[string]struct {
			URL, Method string
			Headers     map[string]string
		} `yaml:"rest_command"`
		Script map[string]struct {
			Sequence []struct {
				Action string
				Data   map[string]string
			}
		}
	}
	text := readme(t, "docs/examples/home-assistant/wolgate.yaml")
	if err := yaml.Unmarshal([]byte(text), &pack); err != nil {
		t.Fatal(err)
	}
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	step := pack.Script["wake_desktop"].Sequence[0]
	command, ok := pack.RestCommand[strings.TrimPrefix(step.Action, "rest_command.")]
	if !ok {
		t.Fatalf("the script calls %q, which there is not", step.Action)
	}
	url := strings.ReplaceAll(command.URL, "{{ mac }}", step.Data["mac"])
	secret := regexp.MustCompile(command.Headers["authorization"] + `: "(Bearer )wol_`).FindStringSubmatch(text)
	if secret == nil || !strings.HasPrefix(url, "https://wol.example.com/") {
		t.Fatalf("%s with %v", url, command.Headers)
	}
	ctx, cancel := context.WithTimeout(t.Context(), woltest.Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, strings.ToUpper(command.Method), strings.Replace(url, "https://wol.example.com", st.url, 1), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", secret[1]+st.key)
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	// Of these two kinds of body, rest_command decodes the first and hands out the second as text.
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "application/json" {
		t.Errorf("status %d, %s", response.StatusCode, kind)
	}
	r.Next(t)
}

// absolute is the full path of a file of the checkout.
func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
