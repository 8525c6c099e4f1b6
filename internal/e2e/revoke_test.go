package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/apiserver"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestRevocationWithinASecond revokes keys of a running gateway by the real
// program and measures how long each goes on to work. A call that was let in
// before gets its answer: the daemon stands still until the key is gone.
func TestRevocationWithinASecond(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))
	doomed := map[string]caller{}
	for _, name := range []string{"one", "two", "three"} {
		doomed[name] = caller{url: p.url, key: addKey(t, p.keys, name)}
	}
	awaitKeys(t, p.gateway.log, 4)
	for _, c := range doomed { // all are valid at the same time, with the first
		c.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	for name, c := range doomed {
		p.daemon.signal(syscall.SIGSTOP)
		type result struct {
			answer
			err error
		}
		underWay := make(chan result, 1)
		go func() {
			a, err := c.try(t.Context(), http.MethodPost, "/api/v1/wol/"+someMAC, "")
			underWay <- result{a, err}
		}()
		time.Sleep(100 * time.Millisecond) // for the call to get as far as the daemon

		if code, _, stderr := run(t, nil, filepath.Join(p.bin, "api-server"), "keys", "revoke", name, "--keys", p.keys); code != 0 {
			t.Fatalf("keys revoke: exit %d: %s", code, stderr)
		}
		revoked := time.Now()
		// The scope is refused without the daemon, and only to a key that is valid.
		for {
			begun := time.Now()
			a := c.ask(t, http.MethodGet, "/api/v1/interfaces", "")
			if a.status == http.StatusUnauthorized {
				a.problem(t)
				t.Logf("%s worked for %v after it was revoked", name, begun.Sub(revoked).Round(time.Millisecond))
				break
			}
			if a.status != http.StatusForbidden {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if span := begun.Sub(revoked); span > time.Second {
				t.Fatalf("%s works still %v after it was revoked", name, span)
			}
			time.Sleep(10 * time.Millisecond) // between two looks
		}
		p.daemon.signal(syscall.SIGCONT)
		if got := <-underWay; got.err != nil {
			t.Errorf("the call under way: %v", got.err)
		} else {
			got.receipt(t)
			r.Next(t)
		}
		if a := c.wake(t, someMAC); a.problem(t).Code != wol.Unauthenticated {
			t.Errorf("a revoked key wakes: status %d", a.status)
		}
		p.wake(t, someMAC).receipt(t) // the key that was not revoked
		r.Next(t)
	}
	r.Nothing(t)
}

// TestKeyExpiresOnTime asks over HTTP with a key that ends within seconds. Every
// answer that came before the end is a receipt, and none that was asked for
// after it.
func TestKeyExpiresOnTime(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	end := time.Now().Add(3 * time.Second).Truncate(time.Second) // 2 to 3 s: the file counts in seconds
	key, err := apikey.Add(st.keys, "short", []wol.Action{wol.Wake}, nil, end, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	short := caller{url: st.url, key: key.Reveal()}
	awaitKeys(t, st.gateway.log, 2)
	if !time.Now().Before(end) {
		t.Fatal("the gateway took the key over only when it had ended")
	}
	for {
		begun := time.Now()
		a := short.wake(t, someMAC)
		answered := time.Now()
		if a.status == http.StatusOK {
			r.Next(t)
		}
		if answered.Before(end) && a.status != http.StatusOK {
			t.Fatalf("%v before the end: status %d: %s", end.Sub(begun), a.status, a.body)
		}
		if !begun.Before(end) {
			if a.problem(t).Code != wol.Unauthenticated {
				t.Errorf("%v after the end: status %d", begun.Sub(end), a.status)
			}
			break
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
	r.Nothing(t)
	st.wake(t, someMAC).receipt(t) // the key without an end
}

// awaitKeys waits until the gateway has taken over a file of n keys. Asking with
// them until they work would use up the tries that a caller without a key has.
func awaitKeys(t *testing.T, log *logLines, n int) {
	t.Helper()
	line := fmt.Sprintf(`"msg":"keys reloaded","keys":%d`, n)
	for deadline := time.Now().Add(woltest.Patience); !strings.Contains(log.String(), line); {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in:\n%s", line, log)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// TestKeysListShowsNoSecret: a key is shown once, by keys add. Neither the list
// nor the file has any part of its secret, and the list not even of its hash.
func TestKeysListShowsNoSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	keys := map[string]string{
		"one": addKey(t, file, "one"),
		"two": addKey(t, file, "two", "--scope", "admin", "--target", someMAC, "--expires", "90d"),
	}
	var out bytes.Buffer
	if code := apiserver.Main(t.Context(), []string{"keys", "list", "--keys", file}, nil, &out, &out); code != 0 {
		t.Fatalf("keys list: exit %d: %s", code, out.String())
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range keys {
		if !strings.Contains(out.String(), name) || !strings.Contains(out.String(), key[4:12]) {
			t.Errorf("the list lacks %s or its id:\n%s", name, out.String())
		}
		secret := key[13:]
		for i := 0; i+6 <= len(secret); i++ {
			if part := secret[i : i+6]; strings.Contains(out.String(), part) || bytes.Contains(content, []byte(part)) {
				t.Errorf("%s shows %q of its secret in the list or the file:\n%s%s", name, part, out.String(), content)
			}
		}
	}
	hashes := strings.Split(string(content), `"sha256": "`)[1:]
	if len(hashes) != len(keys) {
		t.Fatalf("%d hashes in the file:\n%s", len(hashes), content)
	}
	for _, hash := range hashes {
		if strings.Contains(out.String(), hash[:8]) {
			t.Errorf("the list shows a hash:\n%s", out.String())
		}
	}
}
