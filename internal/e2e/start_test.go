package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"wolgate/internal/apiserver"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestKeysFollowTheirFile changes the key file under a running gateway.
func TestKeysFollowTheirFile(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	first := st.key

	st.key = addKey(t, st.keys, "second", "--target", someMAC)
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	r.Next(t)
	if a := st.wake(t, "02:00:00:00:00:01"); a.problem(t).Code != wol.Forbidden {
		t.Errorf("a target that the key does not allow: status %d", a.status)
	}
	if a := st.ask(t, http.MethodGet, "/api/v1/interfaces", ""); a.problem(t).Code != wol.Forbidden {
		t.Errorf("a scope that the key does not have: status %d", a.status)
	}

	content, err := os.ReadFile(st.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(st.keys, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	st.gateway.log.wait(t, "msg", "keys not reloaded, the old ones stay valid")
	for _, key := range []string{first, st.key} {
		st.key = key
		st.wake(t, someMAC).receipt(t)
		r.Next(t)
	}
	if err := os.WriteFile(st.keys, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := apiserver.Main(t.Context(), []string{"keys", "revoke", "second", "--keys", st.keys}, nil, io.Discard, io.Discard); code != 0 {
		t.Fatalf("keys revoke: exit %d", code)
	}
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusUnauthorized })
	st.key = first
	st.wake(t, someMAC).receipt(t)

	// A file that cannot be read is read as soon as its mode is mended, which
	// changes neither its content nor its time of modification.
	st.key = addKey(t, st.keys, "third")
	st.wakeUntil(t, func(a answer) bool { return a.status == http.StatusOK })
	if err := os.Chmod(st.keys, 0o604); err != nil {
		t.Fatal(err)
	}
	st.gateway.log.wait(t, "msg", "keys not reloaded, the old ones stay valid")
	content, err = os.ReadFile(st.keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(st.keys, bytes.Replace(content, []byte(`"third"`), []byte(`"other"`), 1), 0o604); err != nil {
		t.Fatal(err)
	}
	st.wake(t, someMAC).receipt(t)
	if err := os.Chmod(st.keys, 0o600); err != nil {
		t.Fatal(err)
	}
	st.wakeUntil(t, func(answer) bool {
		return strings.Contains(st.gateway.log.String(), `"key":"other"`)
	})
}
