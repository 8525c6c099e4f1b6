package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// wakeDoor is a door as another package would write it: it knows net/http and the Waker.
func wakeDoor(waker wol.Waker) Door {
	return Door{Name: "test", Prefix: "/door", Action: wol.Wake, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("canary")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "now" {
			http.Error(w, "say now", http.StatusBadRequest)
			return
		}
		mac, err := wol.ParseMAC(r.URL.Path[1:])
		if err == nil {
			_, err = waker.Wake(r.Context(), wol.Request{ID: "r1", By: wol.CallerFrom(r.Context()), Targets: []wol.Target{{MAC: mac}}})
		}
		if err != nil {
			_ = problem.From(err).Write(w)
			return
		}
		_ = json.NewEncoder(w).Encode(mac)
	})}
}

// TestADoorIsGuardedLikeTheAPI mounts one that wakes. Its wakes are permitted, limited and
// audited like any other, and it can tell one caller from another.
func TestADoorIsGuardedLikeTheAPI(t *testing.T) {
	t.Parallel()
	first, second := "/door/"+woltest.MAC(1).String(), "/door/"+woltest.MAC(2).String()
	var guarded wol.Waker
	d := open(t, func(o *Options) {
		o.Rate, o.Burst = 0.001, 3
		o.Mount = []Door{wakeDoor(wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
			return guarded.Wake(ctx, req)
		}))}
	})
	guarded = d.waker
	for _, tt := range []struct {
		path, key string
		status    int
		event     string // of the audit log
	}{
		{first, "", http.StatusUnauthorized, "authn_login_fail"},
		{first, d.admin, http.StatusForbidden, "authz_fail"},
		{first, d.narrow, http.StatusOK, "wake"},
		{second, d.narrow, http.StatusForbidden, "authz_fail"},
		{"/door/panic", d.wake, http.StatusInternalServerError, ""},
		{"/doorway", d.wake, http.StatusNotFound, ""},
		{first, d.narrow, http.StatusOK, "wake"},
		{first, d.narrow, http.StatusTooManyRequests, "excess_rate_limit_exceeded"},
	} {
		before := len(d.lines(t, "msg", "audit"))
		a := d.call(t, http.MethodPost, tt.path, "now", "Authorization", tt.key)
		if a.StatusCode != tt.status || a.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %s, want %d", tt.path, a.StatusCode, a.body, tt.status)
		}
		lines := d.lines(t, "msg", "audit")[before:]
		if tt.event == "" {
			if len(lines) > 0 {
				t.Errorf("%s: recorded %v", tt.path, lines)
			}
			continue
		}
		if len(lines) != 1 || lines[0]["event"] != tt.event || lines[0]["via"] != "test" || tt.key != "" && lines[0]["key_id"] == nil {
			t.Errorf("%s: recorded %v, want one %s", tt.path, lines, tt.event)
		}
	}
	if n := d.wakes.Load(); n != 2 {
		t.Errorf("%d wakes", n)
	}
	if n := len(d.lines(t, "msg", "panic")); n != 1 {
		t.Errorf("%d panics logged", n)
	}
}
