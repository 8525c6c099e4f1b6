package gateway

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestRouteTable walks every route that Fiber knows: one that nobody has put
// into an access class is found here.
func TestRouteTable(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var got []string
	for _, r := range New(Options{Docs: true}).app.GetRoutes(true) {
		if r.Method == http.MethodHead {
			continue // comes with every GET
		}
		path := strings.ReplaceAll(r.Path, ":mac_addr", "02:00:00:00:00:01")
		a := d.call(t, r.Method, path, "")
		access := "key"
		if a.StatusCode != http.StatusUnauthorized {
			access = "public"
		}
		got = append(got, r.Method+" "+r.Path+" "+access)
	}
	slices.Sort(got)
	want := []string{
		"GET / public",
		"GET /api/v1/interfaces key",
		"GET /healthz public",
		"GET /readyz public",
		"GET /swagger public",
		"GET /swagger/ public",
		"GET /swagger/doc.json public",
		"GET /swagger/favicon-16x16.png public",
		"GET /swagger/favicon-32x32.png public",
		"GET /swagger/index.html public",
		"GET /swagger/init.js public",
		"GET /swagger/swagger-ui-bundle.js public",
		"GET /swagger/swagger-ui.css public",
		"POST /api/v1/wol key",
		"POST /api/v1/wol/:mac_addr key",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes without a key", n)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	last := "x"
	if strings.HasSuffix(d.wake, last) {
		last = "y"
	}
	wrong := d.wake[:len(d.wake)-1] + last
	for name, tt := range map[string]struct {
		headers []string
		status  int
	}{
		"bearer":               {[]string{"Authorization", "Bearer " + d.wake}, 200},
		"lower case":           {[]string{"Authorization", "bearer " + d.wake}, 200},
		"upper case, spaces":   {[]string{"Authorization", "BEARER   " + d.wake}, 200},
		"bare":                 {[]string{"Authorization", d.wake}, 200},
		"none":                 {nil, 401},
		"empty":                {[]string{"Authorization", ""}, 401},
		"scheme alone":         {[]string{"Authorization", "Bearer"}, 401},
		"no space":             {[]string{"Authorization", "Bearer" + d.wake}, 401},
		"wrong":                {[]string{"Authorization", "Bearer " + wrong}, 401},
		"unknown":              {[]string{"Authorization", "Bearer " + apikey.Generate().Reveal()}, 401},
		"other scheme":         {[]string{"Authorization", "Basic " + d.wake}, 401},
		"other header":         {[]string{"X-API-Key", " " + d.wake}, 200},
		"two headers":          {[]string{"Authorization", "Bearer " + d.wake, "Authorization", "Bearer " + wrong}, 400},
		"two headers, swapped": {[]string{"Authorization", "Bearer " + wrong, "Authorization", "Bearer " + d.wake}, 400},
		"two kinds":            {[]string{"Authorization", "Bearer " + d.wake, "X-API-Key", d.wake}, 400},
		"two in one":           {[]string{"Authorization", "Bearer " + d.wake + ", Bearer " + wrong}, 400},
		"no wake scope":        {[]string{"Authorization", "Bearer " + d.admin}, 403},
		"narrow, its target":   {[]string{"Authorization", "Bearer " + d.narrow}, 200},
	} {
		before := d.wakes.Load()
		a := d.call(t, http.MethodPost, target, "", tt.headers...)
		if a.StatusCode != tt.status || (d.wakes.Load() > before) != (tt.status == 200) {
			t.Errorf("%s: status %d, %d wakes; want %d", name, a.StatusCode, d.wakes.Load()-before, tt.status)
		}
		want := map[int]string{401: `Bearer realm="wolgate"`, 403: `Bearer realm="wolgate", error="insufficient_scope", scope="wake"`}[tt.status]
		if got := a.Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: WWW-Authenticate %q, want %q", name, got, want)
		}
	}
	if a := d.call(t, http.MethodPost, "/api/v1/wol/02:00:00:00:00:02", "", "Authorization", d.narrow); a.refusal(t).Code != wol.Forbidden {
		t.Errorf("narrow, another target: status %d", a.StatusCode)
	}
	body := `{"targets":[{"mac_addr":"02:00:00:00:00:01"},{"mac_addr":"02:00:00:00:00:02"}]}`
	if a := d.call(t, http.MethodPost, "/api/v1/wol", body, "Authorization", d.narrow, "Content-Type", "application/json"); a.refusal(t).Code != wol.Forbidden {
		t.Errorf("narrow, another target among others: status %d", a.StatusCode)
	}
	if a := d.call(t, http.MethodGet, "/api/v1/interfaces", "", "Authorization", d.wake); a.refusal(t).Code != wol.Forbidden {
		t.Errorf("interfaces without the scope: status %d", a.StatusCode)
	}
	if a := d.call(t, http.MethodGet, "/api/v1/interfaces", "", "Authorization", d.admin); a.StatusCode != http.StatusOK || a.body != `{"interfaces":[{"interface":"eth0","eligible":false,"failing":false,"addresses":null,"destinations":null,"routes":null}],"findings":[]}`+"\n" {
		t.Errorf("interfaces: %d %s", a.StatusCode, a.body)
	}
	for _, query := range []string{"?api_key=" + d.wake, "?key=" + d.wake, "?mac=x"} {
		if a := d.call(t, http.MethodPost, target+query, "", "Authorization", d.wake); a.refusal(t).Code != wol.Invalid {
			t.Errorf("%s: status %d", query, a.StatusCode)
		}
	}
	for _, secret := range []string{d.wake, d.admin, d.narrow} {
		if strings.Contains(d.log.String(), secret) {
			t.Error("the log shows a key")
		}
	}
}

// TestKeyBesideALogin: where a proxy asks for a login of its own, which it passes on, the key
// has a header to itself. Everything else that holds two credentials stays refused.
func TestKeyBesideALogin(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	const login = "Basic dXNlcjpwdw=="
	unknown := apikey.Generate().Reveal()
	for name, tt := range map[string]struct {
		logins, keys []string
		status       int
	}{
		"key alone":                 {nil, []string{d.wake}, 200},
		"login and key":             {[]string{login}, []string{d.wake}, 200},
		"login in lower case":       {[]string{"basic dXNlcjpwdw=="}, []string{d.wake}, 200},
		"login alone":               {[]string{login}, nil, 401},
		"unknown key":               {nil, []string{unknown}, 401},
		"login and unknown key":     {[]string{login}, []string{unknown}, 401},
		"key as login, unknown key": {[]string{"Basic " + d.wake}, []string{unknown}, 401},
		"two keys":                  {nil, []string{d.wake, d.wake}, 400},
		"two keys in one":           {nil, []string{d.wake + ", " + unknown}, 400},
		"bearer and key":            {[]string{"Bearer " + d.wake}, []string{d.wake}, 400},
		"bare key and key":          {[]string{d.wake}, []string{d.wake}, 400},
		"two logins and key":        {[]string{login, login}, []string{d.wake}, 400},
		"login, bearer and key":     {[]string{login, "Bearer " + d.wake}, []string{d.wake}, 400},
		"login and two keys":        {[]string{login}, []string{d.wake, unknown}, 400},
	} {
		var headers []string
		for _, value := range tt.logins {
			headers = append(headers, "Authorization", value)
		}
		for _, value := range tt.keys {
			headers = append(headers, "X-API-Key", value)
		}
		before := d.wakes.Load()
		a := d.call(t, http.MethodPost, target, "", headers...)
		if a.StatusCode != tt.status || (d.wakes.Load() > before) != (tt.status == 200) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	body := `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}` + strings.Repeat(" ", maxOptions)
	if a := d.call(t, http.MethodPost, bulkPath, body, "Authorization", login, "X-API-Key", d.wake, "Content-Type", "application/json"); a.StatusCode != http.StatusOK {
		t.Errorf("a large body: %d %s", a.StatusCode, a.body)
	}
}

// TestOneRefusal holds every bad key to the same answer, to the byte.
func TestOneRefusal(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var first string
	for _, key := range []string{"", "x", "wol_", d.old, d.wake[:20], d.wake + "x", apikey.Generate().Reveal(), strings.Repeat("k", 4000)} {
		a := d.call(t, http.MethodPost, target, "", "Authorization", "Bearer "+key, "X-Request-ID", "same")
		a.Header.Del("Date")
		text := a.Status + a.body + a.Header.Get("WWW-Authenticate")
		if first == "" {
			first = text
		}
		if a.StatusCode != http.StatusUnauthorized || text != first {
			t.Errorf("%.20q: %s\nfirst: %s", key, text, first)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		for _, path := range []string{target, "/api/v1/wol"} {
			a := d.call(t, method, path, "", "Authorization", d.wake, "X-HTTP-Method-Override", "POST")
			if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s: status %d, Allow %q", method, path, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	for _, method := range []string{"FOO", "post", "BREW"} {
		if a := d.call(t, method, target, "", "Authorization", d.wake); a.refusal(t).Code != wol.MethodNotAllowed || a.Header.Get("Allow") == "" {
			t.Errorf("%s: %d %v", method, a.StatusCode, a.Header)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/swagger/"} {
		if a := d.call(t, http.MethodHead, path, ""); a.StatusCode != http.StatusOK || a.body != "" {
			t.Errorf("HEAD %s: status %d", path, a.StatusCode)
		}
	}
	if a := d.call(t, http.MethodPost, "/healthz", ""); a.refusal(t).Code != wol.MethodNotAllowed || !strings.Contains(a.Header.Get("Allow"), "GET") {
		t.Errorf("POST /healthz: %d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
	}
	for _, path := range []string{"/nothing", "/healthz/", "/HEALTHZ", "/api/v1/wol/x/y", "/swagger/x", "/swagger/swagger-ui-bundle.js.map", "/swagger/../healthz", "/metrics", "/debug/pprof/"} {
		if a := d.call(t, http.MethodGet, path, ""); a.refusal(t).Code != wol.NotFound {
			t.Errorf("GET %s: status %d", path, a.StatusCode)
		}
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	const json = "application/json"
	for name, tt := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"none":                  {target, "", nil, 200},
		"options":               {target, `{"secureon":"c0a80107"}`, []string{"Content-Type", json}, 200},
		"charset":               {target, `{}`, []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		"no type":               {target, `{}`, nil, 415},
		"form":                  {target, `{}`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"text":                  {target, `{}`, []string{"Content-Type", "text/plain"}, 415},
		"gzip":                  {target, "\x1f\x8b", []string{"Content-Type", json, "Content-Encoding", "gzip"}, 415},
		"identity":              {target, `{}`, []string{"Content-Type", json, "Content-Encoding", "identity"}, 415},
		"unknown field":         {target, `{"ip":"8.8.8.8"}`, []string{"Content-Type", json}, 400},
		"long s":                {target, `{"ſecureon":"c0a80107"}`, []string{"Content-Type", json}, 400}, // U+017F, which folds to s
		"byte order mark":       {target, "\ufeff{}", []string{"Content-Type", json}, 200},
		"large for one target":  {target, strings.Repeat(" ", 4097), []string{"Content-Type", json}, 413},
		"large for many":        {"/api/v1/wol", strings.Repeat(" ", 128<<10+1), []string{"Content-Type", json}, 413},
		"many":                  {"/api/v1/wol", `{"targets":[{"mac_addr":"02:00:00:00:00:01"}]}`, []string{"Content-Type", json}, 200},
		"many, none":            {"/api/v1/wol", "", nil, 400},
		"many, broken":          {"/api/v1/wol", `{"targets":[`, []string{"Content-Type", json}, 400},
		"many, one of them bad": {"/api/v1/wol", `{"targets":[{"mac_addr":"02:00:00:00:00:01"},{"mac_addr":"x"}]}`, []string{"Content-Type", json}, 400},
	} {
		before := d.wakes.Load()
		a := d.call(t, http.MethodPost, tt.path, tt.body, append(tt.headers, "Authorization", "Bearer "+d.wake)...)
		if a.StatusCode != tt.status || (d.wakes.Load() > before) != (tt.status == 200) {
			t.Errorf("%s: status %d, %d wakes; want %d", name, a.StatusCode, d.wakes.Load()-before, tt.status)
		}
		if tt.status >= 400 && a.refusal(t).Code != wol.Invalid {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

// TestParserErrorsAreOursAndQuoteNothing sends what never reaches a handler.
func TestParserErrorsAreOursAndQuoteNothing(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	secret := "Authorization: Bearer " + d.wake + "\r\n"
	for name, tt := range map[string]struct{ request, status string }{
		"header without colon":  {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "canary\r\n\r\n", "400"},
		"two content lengths":   {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "Content-Length: 0\r\nContent-Length: 5\r\n\r\ncanary", "400"},
		"unknown coding":        {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "Transfer-Encoding: xchunked\r\n\r\ncanary", "400"},
		"no host":               {"POST " + target + " HTTP/1.1\r\n" + secret + "\r\n", "400"},
		"NUL in a value":        {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "X: can\x00ary\r\n\r\n", "400"},
		"head too large":        {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "X: " + strings.Repeat("canary", 6000) + "\r\n\r\n", "431"},
		"body too large":        {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "Content-Length: 99999999\r\n\r\n", "413"},
		"not HTTP":              {"canary\r\n\r\n", "400"},
		"absurd content length": {"POST " + target + " HTTP/1.1\r\nHost: x\r\n" + secret + "Content-Length: -1\r\n\r\n", "400"},
	} {
		a := woltest.Raw(t, strings.TrimPrefix(d.url, "http://"), tt.request)
		status, rest, _ := strings.Cut(strings.TrimPrefix(a, "HTTP/1.1 "), " ")
		if status != tt.status || !strings.Contains(rest, `"code":"invalid"`) || !strings.Contains(rest, `"request_id":"`) {
			t.Errorf("%s: %s", name, a)
		}
		if strings.Contains(a, "canary") || strings.Contains(a, d.wake) {
			t.Errorf("%s: the answer quotes the request: %s", name, a)
		}
	}
	if n := d.events(t, "input_validation_fail"); n != 9 {
		t.Errorf("%d of 9 refusals are in the audit log:\n%s", n, d.log.String())
	}
	if log := d.log.String(); strings.Contains(log, "canary") || strings.Contains(log, d.wake) {
		t.Errorf("the log quotes a request:\n%s", log)
	}
	if n := d.wakes.Load(); n != 0 {
		t.Errorf("%d wakes", n)
	}
}

func TestWakerErrorsReachTheCaller(t *testing.T) {
	t.Parallel()
	failed := []wol.Failure{{Interface: "eth0", Destination: "10.0.0.255:9", Error: "network is down"}}
	for kind, status := range map[wol.Kind]int{wol.Invalid: 400, wol.Forbidden: 403, wol.RateLimited: 429, wol.BadUpstream: 502, wol.Unavailable: 503, wol.Timeout: 504, wol.Internal: 500} {
		d := open(t, func(o *Options) {
			o.Waker = wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) {
				return nil, &wol.Error{Kind: kind, RetryAfter: 1200 * time.Millisecond, Failed: failed, Err: errors.New("canary")}
			})
		})
		a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake)
		p := a.refusal(t)
		if a.StatusCode != status || p.Code != kind || a.Header.Get("Retry-After") != "2" || cmp.Diff(failed, p.Failed) != "" {
			t.Errorf("%s: %d %v %s", kind, a.StatusCode, a.Header, a.body)
		}
		if strings.Contains(a.body, "canary") || !strings.Contains(d.log.String(), "canary") || !strings.Contains(d.log.String(), p.RequestID) {
			t.Errorf("%s: the cause belongs into the log and nowhere else: %s\n%s", kind, a.body, d.log.String())
		}
	}
}

func TestAPanicIsAnsweredAndServingGoesOn(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) {
		o.Waker = wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { panic("canary") })
	})
	for range 3 {
		if a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake); a.refusal(t).Code != wol.Internal || strings.Contains(a.body, "canary") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if !strings.Contains(d.log.String(), `"panic":"canary"`) {
		t.Errorf("the log does not hold the panic:\n%s", d.log.String())
	}
}

func TestRequestIDAndHeaders(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake, "X-Request-ID", "discord-42")
	if a.Header.Get("X-Request-Id") != "discord-42" || !strings.Contains(a.body, `"request_id":"discord-42"`) || !strings.Contains(d.log.String(), `"request_id":"discord-42"`) {
		t.Errorf("the request id is lost: %v %s", a.Header, a.body)
	}
	for _, bad := range []string{"a b", strings.Repeat("x", 65), "é", "<b>"} {
		if got := d.call(t, http.MethodGet, "/healthz", "", "X-Request-ID", bad).Header.Get("X-Request-Id"); got == bad || len(got) != 32 {
			t.Errorf("request id %q became %q", bad, got)
		}
	}
	for _, path := range []string{"/healthz", "/nothing", "/swagger/"} {
		a := d.call(t, http.MethodGet, path, "")
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Server") != "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, a.Header)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) {
		o.Ready = func(string) error { return &wol.Error{Kind: wol.Unavailable, RetryAfter: time.Second} }
	})
	if a := d.call(t, http.MethodGet, "/readyz", ""); a.refusal(t).Code != wol.Unavailable || a.Header.Get("Retry-After") != "1" {
		t.Errorf("readyz: %d %s", a.StatusCode, a.body)
	}
	if a := d.call(t, http.MethodGet, "/healthz", ""); a.StatusCode != http.StatusOK || a.body != `{"ok":true}`+"\n" {
		t.Errorf("healthz: %d %s", a.StatusCode, a.body)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.01, 3 })
	for n := range 5 {
		a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake, "X-Forwarded-For", "10.0.0."+string(rune('1'+n)))
		if want := n < 3; (a.StatusCode == http.StatusOK) != want {
			t.Errorf("request %d: status %d", n+1, a.StatusCode)
		}
		if a.StatusCode != http.StatusOK && (a.refusal(t).Code != wol.RateLimited || !regexp.MustCompile(`^(9\d|100)$`).MatchString(a.Header.Get("Retry-After"))) {
			t.Errorf("request %d: Retry-After %q, %s", n+1, a.Header.Get("Retry-After"), a.body)
		}
	}
	if a := d.call(t, http.MethodPost, target, "", "Authorization", d.narrow); a.StatusCode != http.StatusOK {
		t.Errorf("another key: status %d", a.StatusCode)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		trusted   []netip.Prefix
		forwarded []string
		want      string
	}{
		{nil, []string{"203.0.113.7"}, "127.0.0.1"},
		{trusted, nil, "127.0.0.1"},
		{trusted, []string{"203.0.113.7"}, "203.0.113.7"},
		{trusted, []string{"1.1.1.1, 203.0.113.7"}, "203.0.113.7"},
		{trusted, []string{"1.1.1.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		{trusted, []string{"1.1.1.1", "203.0.113.7,fd00::1"}, "203.0.113.7"},
		{trusted, []string{"2001:db8::1"}, "2001:db8::1"},
		{trusted, []string{"203.0.113.7:5678"}, "203.0.113.7"},
		{trusted, []string{"[2001:db8::1]:5678"}, "2001:db8::1"},
		{trusted, []string{"[2001:db8::1]"}, "2001:db8::1"},
		{trusted, []string{"unknown"}, "127.0.0.1"},
		{trusted, []string{"203.0.113.7, unknown"}, "127.0.0.1"},
		{trusted, []string{"fe80::1%eth0\\n"}, "fe80::1"},
		{trusted, []string{strings.Repeat("10.0.0.1,", 500)}, "127.0.0.1"},
		{trusted[1:], []string{"203.0.113.7"}, "127.0.0.1"},
	} {
		d := open(t, func(o *Options) { o.TrustedProxies = tt.trusted })
		var headers []string
		for _, value := range tt.forwarded {
			headers = append(headers, "X-Forwarded-For", value)
		}
		d.call(t, http.MethodPost, target, "", append(headers, "X-Real-IP", "8.8.8.8", "Forwarded", "for=8.8.8.8")...)
		request, event := d.lines(t, "msg", "request"), d.lines(t, "msg", "audit")
		if len(request) != 1 || request[0]["client"] != tt.want || len(event) != 1 || event[0]["source"] != tt.want {
			t.Errorf("%.60q: want %s in the log:\n%s", tt.forwarded, tt.want, d.log.String())
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	preflight := func(d *door, origin string) answer {
		return d.call(t, http.MethodOptions, target, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	}
	closed := open(t, nil)
	if a := preflight(closed, "https://panel.example.com"); a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("by default: %v", a.Header)
	}
	listed := open(t, func(o *Options) { o.CORSOrigins = []string{"https://panel.example.com"} })
	a := preflight(listed, "https://panel.example.com")
	if a.Header.Get("Access-Control-Allow-Origin") != "https://panel.example.com" || !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") ||
		a.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(a.Header.Get("Vary"), "Origin") {
		t.Errorf("listed origin: %v", a.Header)
	}
	for _, origin := range []string{"https://evil.example", "null", "http://panel.example.com", "https://panel.example.com.evil.example"} {
		if got := preflight(listed, origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: allowed as %q", origin, got)
		}
	}
}

// TestRefusalsReachThePage: without the header a page sees no answer, only that there was none.
func TestRefusalsReachThePage(t *testing.T) {
	t.Parallel()
	const panel = "https://panel.example.com"
	d := open(t, func(o *Options) { o.CORSOrigins = []string{"https://other.example.com", panel} })
	for name, tt := range map[string]struct {
		request, rest string
		status        int
	}{
		"no key":         {"POST " + target, "Content-Length: 0\r\n\r\n", 401},
		"no route":       {"GET /nothing", "\r\n", 404},
		"large":          {"POST /api/v1/wol", "Content-Length: 5000\r\n\r\n", 413},
		"large, expects": {"POST /api/v1/wol", "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n", 417},
		"ambiguous":      {"POST " + target, "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n", 400},
		"compressed":     {"POST " + target, "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 415},
		"method":         {"DELETE " + target, "\r\n", 405},
		"unknown method": {"WEIRD " + target, "\r\n", 405},
		"docs":           {"GET /swagger/", "\r\n", 200},
	} {
		for origin, allowed := range map[string]string{panel: panel, "https://evil.example": ""} {
			c := d.say(t, tt.request+" HTTP/1.1\r\nHost: x\r\nOrigin: "+origin+"\r\n"+tt.rest)
			a, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Header.Get("Access-Control-Allow-Origin"); a.StatusCode != tt.status || got != allowed || !strings.Contains(a.Header.Get("Vary"), "Origin") {
				t.Errorf("%s, from %s: %d %v", name, origin, a.StatusCode, a.Header)
			}
			if exposed := a.Header.Get("Access-Control-Expose-Headers"); (exposed != "") != (allowed != "") {
				t.Errorf("%s, from %s: exposed %q", name, origin, exposed)
			}
		}
	}
}

// TestASilentConnectionDoesNotDelayShutdown opens one, as browsers do in advance.
func TestASilentConnectionDoesNotDelayShutdown(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(Options{Observe: &counts{}, Log: slog.New(slog.DiscardHandler)})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	silent, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	// A request on a later connection shows that the silent one has been accepted.
	if a, err := http.Get("http://" + listener.Addr().String() + "/healthz"); err != nil || a.Body.Close() != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := server.Shutdown(4 * time.Second); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
