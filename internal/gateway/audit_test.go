package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestSecurityEvents has what provokes each event, which is recorded once.
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	const one, many, list = "/api/v1/wol/:mac_addr", "/api/v1/wol", "/api/v1/interfaces"
	auth := func(key string) []string { return []string{"Authorization", key} }
	for name, tt := range map[string]struct {
		change       func(*Options)
		method, path string
		headers      func(d *door) []string
		event, route string // no event; and the route of what the Waker decides, or the parser
		detail       string
		key          bool // its id is known
	}{
		"no key":      {nil, "POST", target, nil, "authn_login_fail", one, "", false},
		"another key": {nil, "POST", target, func(*door) []string { return auth(apikey.Generate().Reveal()) }, "authn_login_fail", one, "", false},
		"expired key": {nil, "POST", target, func(d *door) []string { return auth(d.old) }, "authn_login_fail", one, "expired", true},
		"no scope":    {nil, "GET", list, func(d *door) []string { return auth(d.wake) }, "authz_fail", list, "scope", true},
		"not the key's target": {nil, "POST", "/api/v1/wol/02:00:00:00:00:02", func(d *door) []string { return auth(d.narrow) },
			"authz_fail", "", "target", true},
		"not the daemon's target": {func(o *Options) {
			o.Waker = wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) {
				return nil, &wol.Error{Kind: wol.Forbidden, Message: "see --allow"}
			})
		}, "POST", target, func(d *door) []string { return auth(d.wake) }, "authz_fail", "", "--allow", true},
		"too many packets": {func(o *Options) {
			o.Waker = wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) {
				return nil, &wol.Error{Kind: wol.RateLimited}
			})
		}, "POST", target, func(d *door) []string { return auth(d.wake) }, "excess_rate_limit_exceeded", "", "", true},
		"no MAC":          {nil, "POST", "/api/v1/wol/x", func(d *door) []string { return auth(d.wake) }, "input_validation_fail", one, "MAC", true},
		"two keys":        {nil, "POST", target, func(d *door) []string { return append(auth(d.wake), auth(d.wake)...) }, "input_validation_fail", one, "credential", false},
		"key in the URL":  {nil, "POST", target + "?key=x", nil, "input_validation_fail", one, "query", false},
		"compressed body": {nil, "POST", many, func(*door) []string { return []string{"Content-Encoding", "gzip"} }, "input_validation_fail", "none", "compressed", false},
		"head too large":  {nil, "POST", target, func(*door) []string { return []string{"X", strings.Repeat("x", 33000)} }, "input_validation_fail", "", "32 KiB", false},
		"foreign page": {nil, "POST", target, func(d *door) []string { return append(auth(d.wake), "Origin", "https://evil.example") },
			"malicious_cors", one, "https://evil.example", true},
		"foreign page on our host's other port": {nil, "POST", target, func(d *door) []string {
			return append(auth(d.wake), "Origin", "http://127.0.0.1:1")
		}, "malicious_cors", one, "", true},
		"sandboxed page": {nil, "POST", target, func(d *door) []string { return append(auth(d.wake), "Origin", "null") }, "malicious_cors", one, "null", true},
		"sibling page": {nil, "POST", target, func(d *door) []string {
			return append(auth(d.wake), "Origin", "https://x.example", "Sec-Fetch-Site", "same-site")
		}, "malicious_cors", one, "", true},
		"own page": {nil, "POST", target, func(d *door) []string { return append(auth(d.wake), "Origin", d.url) }, "", "", "", true},
		"own page behind a proxy": {nil, "POST", target, func(d *door) []string {
			return append(auth(d.wake), "Origin", "https://wol.example", "Sec-Fetch-Site", "same-origin")
		}, "", "", "", true},
		"listed page": {func(o *Options) { o.CORSOrigins = []string{"https://panel.example"} }, "POST", target, func(d *door) []string {
			return append(auth(d.wake), "Origin", "https://panel.example")
		}, "", "", "", true},
		"no such route": {nil, "GET", "/wp-login.php", nil, "", "", "", false},
		"no such verb":  {nil, "PUT", target, nil, "", "", "", false},
		"a wake":        {nil, "POST", target, func(d *door) []string { return auth(d.wake) }, "", "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, tt.change)
			headers := []string{"X-Request-ID", "r1"}
			if tt.headers != nil {
				headers = append(headers, tt.headers(d)...)
			}
			d.call(t, tt.method, tt.path, "", headers...)
			var events []map[string]any
			for _, line := range d.lines(t, "msg", "audit") {
				if line["event"] != "wake" {
					events = append(events, line)
				}
			}
			if tt.event == "" {
				if len(events) > 0 {
					t.Errorf("recorded: %v", events)
				}
				return
			}
			if len(events) != 1 {
				t.Fatalf("%d events: %v", len(events), events)
			}
			got := events[0]
			route, _ := got["route"].(string)
			detail, _ := got["detail"].(string)
			id := got["request_id"]
			if got["event"] != tt.event || route != tt.route || !strings.Contains(detail, tt.detail) || got["source"] != "127.0.0.1" ||
				(got["key_id"] != nil) != tt.key || (id != "r1") != (name == "head too large") || got["via"] != "api" || got["level"] != "WARN" {
				t.Errorf("%v", got)
			}
		})
	}
}

// TestRatesAreAudited: a key that asks too often, and one event a refusal.
func TestRatesAreAudited(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.001, 2 })
	for range 5 {
		d.call(t, http.MethodPost, target, "", "Authorization", d.wake)
	}
	if n := d.events(t, "excess_rate_limit_exceeded"); n != 3 {
		t.Errorf("%d of 3:\n%s", n, d.log.String())
	}
}

// TestBadKeysCannotFillTheLog sends 15,000, from as many networks as it can name.
// The log has ten lines a second and, once they have ended, their true number.
func TestBadKeysCannotFillTheLog(t *testing.T) {
	t.Parallel()
	const requests, clients = 15_000, 8
	d := open(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	start := time.Now()
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() {
			client := http.Client{Timeout: woltest.Patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := range requests / clients {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+target, nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer wrong")
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.%d.%d.%d", n, i>>8&0xff, i&0xff))
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusUnauthorized {
					t.Errorf("status %d", response.StatusCode)
					return
				}
			}
		})
	}
	group.Wait()
	took := time.Since(start)
	total := d.events(t, "authn_login_fail")
	lines := d.lines(t, "msg", "audit")
	all := strings.Count(d.log.String(), "\n") - len(d.lines(t, "level", "DEBUG"))
	t.Logf("%d requests in %v: %d lines", requests, took, all)
	if total != requests || all != len(lines) || float64(all) > 10*(took.Seconds()+1)+1 {
		t.Errorf("%d lines, of them %d audit lines of %d requests, in %v", all, len(lines), total, took)
	}
}

// TestHiddenAddressesAreReported: fifty calls from one such address are worth one
// word, and any other address says that all is well.
func TestHiddenAddressesAreReported(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, tt := range map[string]struct {
		trusted     []netip.Prefix
		first, rest string // X-Forwarded-For
		want        int
	}{
		"one private address":             {proxy, "172.18.0.1", "172.18.0.1", 1},
		"one public address":              {proxy, "203.0.113.7", "203.0.113.7", 0},
		"two addresses":                   {proxy, "172.18.0.1", "172.18.0.2", 0},
		"a client on this host":           {nil, "", "", 0},
		"a proxy here that nobody trusts": {nil, "203.0.113.7", "203.0.113.8", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, func(o *Options) { o.TrustedProxies = tt.trusted })
			for n := range 2 * enoughCalls {
				headers := []string{"Authorization", d.wake, "X-Forwarded-For", tt.rest}
				if n == 0 {
					headers[3] = tt.first
				}
				if headers[3] == "" {
					headers = headers[:2]
				}
				d.call(t, http.MethodPost, target, "", headers...)
			}
			got := 0
			for _, line := range d.lines(t, "level", "WARN") {
				if msg, _ := line["msg"].(string); strings.HasPrefix(msg, "client addresses are hidden") {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d warnings, want %d", got, tt.want)
			}
		})
	}
}

// TestLogHoldsNoSecret has everything that is secret in a request, at the level at
// which everything is logged, and in requests that fail in every place.
func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	const password = "c0a80107aabb"
	body := `{"secureon":"` + password + `"}`
	for _, path := range []string{target, "/api/v1/wol/x", "/api/v1/wol", "/api/v1/interfaces", "/nowhere", target + "?key=" + d.wake} {
		for _, key := range []string{d.wake, d.admin, d.old, d.wake + "x"} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				d.call(t, method, path, body, "Content-Type", "application/json", "Authorization", "Bearer "+key, "Cookie", "session="+key)
				d.call(t, method, path, body, "Content-Type", "application/json", "X-API-Key", key)
			}
		}
	}
	if n := d.wakes.Load(); n != 2 { // once by each header
		t.Errorf("%d wakes", n)
	}
	log := d.log.String()
	for _, secret := range []string{d.wake, d.admin, d.old, password, strings.ToUpper(password), "c0:a8:01:07:aa:bb"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
