package gateway

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

// TestAnswersTellTheLimit reads what a client is told of its limit, comes back
// when it may, and is served.
func TestAnswersTellTheLimit(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.5, 2 })
	for n, want := range []struct {
		status      int
		limit, wait string
	}{{200, `^"key";r=1;t=[12]$`, ""}, {200, `^"key";r=0;t=[12]$`, ""}, {429, `^"key";r=0;t=[12]$`, "[12]"}} {
		a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake)
		if a.StatusCode != want.status || !regexp.MustCompile(want.limit).MatchString(a.Header.Get("RateLimit")) ||
			a.Header.Get("RateLimit-Policy") != `"key";q=2;w=4` || !regexp.MustCompile("^"+want.wait+"$").MatchString(a.Header.Get("Retry-After")) {
			t.Errorf("request %d: %d %v", n+1, a.StatusCode, a.Header)
		}
		if want.status == 429 && a.refusal(t).Code != wol.RateLimited {
			t.Errorf("request %d: %s", n+1, a.body)
		}
	}
	time.Sleep(2 * time.Second)
	if a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake); a.StatusCode != http.StatusOK {
		t.Errorf("after the wait: status %d", a.StatusCode)
	}
	if n := d.wakes.Load(); n != 3 {
		t.Errorf("%d wakes", n)
	}
}

// TestEveryAnswerToAKeyTellsTheLimit holds for refusals too: whoever has a key
// and not the scope is counted like everybody else.
func TestEveryAnswerToAKeyTellsTheLimit(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Rate, o.Burst = 0.001, 3 })
	for n, status := range []int{403, 403, 403, 429} {
		a := d.call(t, http.MethodPost, target, "", "Authorization", d.admin)
		if a.StatusCode != status || a.Header.Get("RateLimit-Policy") != `"key";q=3;w=3000` || !strings.HasPrefix(a.Header.Get("RateLimit"), fmt.Sprintf(`"key";r=%d;t=`, max(0, 2-n))) {
			t.Errorf("request %d: %d %v", n+1, a.StatusCode, a.Header)
		}
	}
	if a := d.call(t, http.MethodGet, "/healthz", "", "Authorization", d.wake); a.Header.Get("RateLimit") != "" {
		t.Errorf("a public route: %v", a.Header)
	}
	off := open(t, nil)
	if a := off.call(t, http.MethodPost, target, "", "Authorization", off.wake); a.StatusCode != http.StatusOK || a.Header.Get("RateLimit") != "" || a.Header.Get("RateLimit-Policy") != "" {
		t.Errorf("without a limit: %d %v", a.StatusCode, a.Header)
	}
}

// TestTheLimitIsOfTheKeyNotTheAddress sends every request from another address,
// as far as the headers say.
func TestTheLimitIsOfTheKeyNotTheAddress(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) {
		o.Rate, o.Burst = 0.001, 5
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	for n := range 50 {
		a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n))
		if want := n < 5; (a.StatusCode == http.StatusOK) != want {
			t.Errorf("request %d: status %d", n+1, a.StatusCode)
		}
	}
}

// TestFailedTries uses up what an address may try, on a route and on its body.
func TestFailedTries(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for n := range 10 {
		if a := d.call(t, http.MethodPost, target, "", "Authorization", apikey.Generate().Reveal()); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("try %d: status %d", n+1, a.StatusCode)
		}
	}
	for name, request := range map[string]struct{ method, path, body, key string }{
		"wrong key":             {http.MethodPost, target, "", apikey.Generate().Reveal()},
		"no key":                {http.MethodPost, target, "", ""},
		"other route":           {http.MethodGet, "/api/v1/interfaces", "", apikey.Generate().Reveal()},
		"wrong key, large body": {http.MethodPost, "/api/v1/wol", strings.Repeat(" ", 5000), apikey.Generate().Reveal()},
	} {
		a := d.call(t, request.method, request.path, request.body, "Authorization", request.key)
		wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if a.refusal(t).Code != wol.RateLimited || a.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 10 ||
			a.Header.Get("RateLimit") != fmt.Sprintf(`"tries";r=0;t=%d`, wait) || a.Header.Get("RateLimit-Policy") != `"tries";q=10;w=100` {
			t.Errorf("%s: %d %v %s", name, a.StatusCode, a.Header, a.body)
		}
		if a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake); a.StatusCode != http.StatusOK {
			t.Errorf("the right key, then: status %d", a.StatusCode)
		}
	}
	if refused := d.lines(t, "kind", "rate_limited"); len(refused) != 4 || refused[0]["level"] != "DEBUG" {
		t.Errorf("want refusals at debug:\n%v", refused)
	}
}

// TestFailedTriesAreOfANetwork: the lower 64 bits of an IPv6 address are the
// client's to choose.
func TestFailedTriesAreOfANetwork(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	try := func(from string) int {
		return d.call(t, http.MethodPost, target, "", "X-Forwarded-For", from).StatusCode
	}
	for n := range 20 {
		if got, want := try(fmt.Sprintf("2001:db8::%x", 1+n*3277)), n < 10; (got == http.StatusUnauthorized) != want {
			t.Errorf("address %d of one network: status %d", n+1, got)
		}
	}
	for _, other := range []string{"2001:db8:0:1::1", "203.0.113.7"} {
		if got := try(other); got != http.StatusUnauthorized {
			t.Errorf("%s: status %d", other, got)
		}
	}
}
