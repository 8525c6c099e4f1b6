package keyring_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/keyring"
	"wolgate/internal/logs"
	"wolgate/internal/wol"
)

const (
	oldSecret = "Vb3tqz9-LmX0_rYw7Kc2fHs8Nd"
	newSecret = "q0Zk3l9v+7Yx/1bTt2rWmC5sN8"
)

// running is a keyring that follows its files until the test ends, with its log.
type running struct {
	*keyring.Keyring
	keys, env string // the files
	mu        sync.Mutex
	log       bytes.Buffer
	read      int // lines that next has returned
}

// Write takes a line of the log.
func (r *running) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

func start(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{keys: filepath.Join(dir, "keys.json"), env: filepath.Join(dir, "key")}
	r.put(t, r.env, oldSecret)
	if _, err := apikey.Add(r.keys, "phone", []wol.Action{wol.Wake}, []wol.MAC{{2, 0, 0, 0, 0, 1}}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), time.Now()); err != nil {
		t.Fatal(err)
	}
	log := logs.Config{Level: "info", Format: "json"}.New(r)
	var err error
	if r.Keyring, err = keyring.Open(r.keys, apikey.EnvKey{}, r.env, log, audit.New(log)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

// put replaces a file at once.
func (r *running) put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// edit replaces what matches in the key file.
func (r *running) edit(t *testing.T, pattern, with string) {
	t.Helper()
	text, err := os.ReadFile(r.keys)
	match := regexp.MustCompile(pattern)
	if err != nil || !match.Match(text) {
		t.Fatalf("%v; no %q in %s", err, pattern, text)
	}
	r.put(t, r.keys, string(match.ReplaceAll(text, []byte(with))))
}

// next returns the line after the one that it has returned before.
func (r *running) next(t *testing.T) (line map[string]any) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		lines := strings.SplitAfter(r.log.String(), "\n")
		r.mu.Unlock()
		if len(lines) > r.read+1 { // the last is what follows a newline
			if err := json.Unmarshal([]byte(lines[r.read]), &line); err != nil {
				t.Fatal(err)
			}
			r.read++
			return line
		}
	}
	t.Fatalf("no line after:\n%s", r.log.String())
	return nil
}

// valid reports whether a key is, and whose.
func (r *running) valid(text string) string {
	who, ok := r.Keys().Authenticate(text, time.Now())
	if !ok {
		return ""
	}
	return who.Name
}

// TestEveryChangeOfPowerIsAudited edits the files as their owner does, and as a thief.
func TestEveryChangeOfPowerIsAudited(t *testing.T) {
	t.Parallel()
	r := start(t)
	const created, revoked, changed = "authn_token_created", "authn_token_revoked", "privilege_permissions_changed"
	type event struct{ Event, Key, Detail string }
	for _, tt := range []struct {
		pattern, with string // in the key file; without a pattern, with is the file of API_KEY_FILE
		want          []event
	}{
		{"02:00:00:00:00:01", "02:00:00:00:00:02", []event{{changed, "phone", "targets 1 added, 1 removed"}}},
		{`"targets"[^]]*],`, "", []event{{changed, "phone", "targets 1 to any"}}},
		{`"wake"`, `"wake", "admin"`, []event{{changed, "phone", "scopes wake to admin,wake"}}},
		{"2100", "2101", []event{{changed, "phone", "expires 2100-01-01T00:00:00Z to 2101-01-01T00:00:00Z"}}},
		{`"scopes"[^]]*`, `"targets":["02:00:00:00:00:03"],"scopes":["wake"`, []event{{changed, "phone", "scopes admin,wake to wake; targets any to 1"}}},
		{`"phone"`, `"tablet"`, []event{{changed, "tablet", "name phone to tablet"}}},
		{`"keys"`, ` "keys"`, nil},
		{`"sha256": "[0-9a-f]{8}`, `"sha256": "00000000`, []event{
			{revoked, "tablet", "another secret has taken its place"},
			{created, "tablet", "scopes wake; targets 1; expires 2101-01-01T00:00:00Z"},
		}},
		{"", newSecret, []event{
			{revoked, "env", "another secret has taken its place"},
			{created, "env", "scopes admin,wake; targets any; expires never"},
		}},
		{`(?s).*`, `{"keys":[]}`, []event{{revoked, "tablet", ""}}},
	} {
		if tt.pattern == "" {
			r.put(t, r.env, tt.with)
		} else {
			r.edit(t, tt.pattern, tt.with)
		}
		if line := r.next(t); line["msg"] != "keys reloaded" {
			t.Fatalf("%s: %v", tt.with, line)
		}
		var got []event
		for range tt.want {
			line := r.next(t)
			if line["key_id"] == nil {
				t.Errorf("%s: %v has no id", tt.with, line)
			}
			detail, _ := line["detail"].(string)
			got = append(got, event{line["event"].(string), line["key"].(string), detail})
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.with, diff)
		}
	}
}

// TestTheFileOfAPIKeyIsFollowed rotates the key there, as a manager of secrets does.
func TestTheFileOfAPIKeyIsFollowed(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.put(t, r.env, "short")
	if line := r.next(t); line["msg"] != "keys not reloaded, the old ones stay valid" || r.valid(oldSecret) != "env" {
		t.Errorf("%v; the old key is of %q", line, r.valid(oldSecret))
	}
	r.put(t, r.env, newSecret+"\n")
	if line := r.next(t); line["msg"] != "keys reloaded" || r.valid(oldSecret) != "" || r.valid(newSecret) != "env" {
		t.Errorf("%v; the old key is of %q, the new one of %q", line, r.valid(oldSecret), r.valid(newSecret))
	}
}

// TestAFileThatIsGoneLocksNobodyOut, and the log says so.
func TestAFileThatIsGoneLocksNobodyOut(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, path := range []string{r.keys, r.env} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		line := r.next(t)
		if said, _ := line["err"].(string); line["level"] != "ERROR" || !strings.HasPrefix(said, path+" is gone, and all 2 keys stay valid") {
			t.Errorf("%v", line)
		}
	}
	if n := r.Keys().Usable(time.Now()); n != 2 {
		t.Errorf("%d keys are valid", n)
	}
}
