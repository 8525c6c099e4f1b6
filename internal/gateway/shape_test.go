package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"wolgate/internal/apikey"
	"wolgate/internal/problem"
	"wolgate/internal/woltest"
)

// TestRefusalsNameTheShape: what is wrong with the request as it is written is said before
// a key is known. So a valid key and an unknown one get the same answer, to the byte.
func TestRefusalsNameTheShape(t *testing.T) {
	t.Parallel()
	post := func(path, headers string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "X-Request-ID: same\r\nConnection: close\r\n\r\n"
	}
	const auth = "Authorization: Bearer KEY\r\n"
	for name, tt := range map[string]struct{ request, status, says string }{
		"scheme twice":        {post(target, "Authorization: Bearer Bearer KEY\r\n"), "401", "says Bearer twice"},
		"colon":               {post(target, "Authorization: Bearer: KEY\r\n"), "401", "colon after Bearer"},
		"twice, and a colon":  {post(target, "Authorization: Bearer bearer: KEY\r\n"), "401", "colon after Bearer"},
		"a proxy's login":     {post(target, "Authorization: Basic KEY\r\n"), "401", "Basic login"},
		"redirected":          {strings.Replace(post(target, auth), "POST", "GET", 1), "405", "redirect"},
		"many, redirected":    {strings.Replace(post(bulkPath, auth), "POST", "GET", 1), "405", "redirect"},
		"slash at the end":    {post(target+"/", auth), "404", "ends with a slash"},
		"no MAC":              {post(bulkPath+"/", auth), "404", "ends with a slash"},
		"two slashes":         {post("/"+target, auth), "404", "two slashes"},
		"two slashes within":  {post(bulkPath+"//02:00:00:00:00:01", auth), "404", "two slashes"},
		"cache buster":        {post(target+"?uptime_kuma_cachebuster=1", auth), "400", "takes no query: omit"},
		"two media types":     {post(target, auth+"Content-Type: application/json\r\nContent-Type: text/plain\r\n"), "400", "two Content-Type headers"},
		"two lengths":         {post(target, auth+"Content-Length: 0\r\nContent-Length: 0\r\n"), "400", "two Content-Length headers"},
		"a header is too big": {post(target, auth+"Cookie: "+strings.Repeat("x", 33_000)+"\r\n"), "431", "cookies"},
	} {
		d := open(t, nil)
		var bodies []string
		for _, key := range []string{d.wake, apikey.Generate().Reveal()} {
			a := woltest.Raw(t, d.address(), strings.ReplaceAll(tt.request, "KEY", key))
			_, body, _ := strings.Cut(a, "\r\n\r\n")
			var p problem.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || statusOf(a) != tt.status || !strings.Contains(p.Detail, tt.says) {
				t.Errorf("%s: want %s and %q: %s", name, tt.status, tt.says, a)
			}
			bodies = append(bodies, strings.ReplaceAll(body, p.RequestID, ""))
		}
		if bodies[0] != bodies[1] {
			t.Errorf("%s: the answer tells of a key:\n%s%s", name, bodies[0], bodies[1])
		}
		if n := d.wakes.Load(); n != 0 {
			t.Errorf("%s: %d wakes", name, n)
		}
	}
}

// TestWhatNeedsNoGuessIsTaken: nothing of it could mean another request.
func TestWhatNeedsNoGuessIsTaken(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for name, request := range map[string]string{
		"cache buster of a monitor": "GET /healthz?uptime_kuma_cachebuster=1 HTTP/1.1\r\nHost: x\r\n",
		"the same, readiness":       "GET /readyz?uptime_kuma_cachebuster=1 HTTP/1.1\r\nHost: x\r\n",
		"cookie of an SSO proxy":    "POST " + target + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + d.wake + "\r\nCookie: _oauth2_proxy=" + strings.Repeat("x", 12<<10) + "\r\n",
	} {
		if a := woltest.Raw(t, d.address(), request+"Connection: close\r\n\r\n"); statusOf(a) != "200" {
			t.Errorf("%s: %s", name, a)
		}
	}
}
