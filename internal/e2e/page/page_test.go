package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestPage does in a browser what a user does, on each way to reach the page.
func TestPage(t *testing.T) {
	lantest.Require(t)
	find(t, "chromium", browsers()...)
	p := start(t)
	direct := "http://" + hostAddress + ":" + p.port
	t.Run("watch", func(t *testing.T) { watchSeesFaults(t, policyOf(t, direct)) })
	t.Run("direct", func(t *testing.T) { p.use(t, visit{name: "direct", base: direct, language: "en-US"}) })
	t.Run("address", func(t *testing.T) { p.mislead(t, direct) })
	t.Run("nginx", func(t *testing.T) {
		base, trusted := nginx(t, p)
		p.use(t, visit{name: "nginx", base: base, trusted: trusted, language: "ko-KR"})
	})
	t.Run("caddy", func(t *testing.T) {
		base, trusted := caddy(t, p)
		p.use(t, visit{name: "caddy", base: base, trusted: trusted, language: "en-US"})
	})
}

// visit is one way to reach the page.
type visit struct {
	name, base string // the base is without the last slash
	trusted    string // hash of the certificate's key
	language   string
}

// use is the whole visit. Each wake is for a target of its own: at its end, the LAN
// has seen the packets of those that were answered with 200, and no other.
func (p *programs) use(t *testing.T, v visit) {
	u := user{launch(t, v.language, v.trusted), t}
	w := observe(t, u.ctx, v.base)
	defer w.report(t) // also where a step fails, which may be why
	first, second, third, fourth := woltest.MAC(1), woltest.MAC(2), woltest.MAC(3), woltest.MAC(4)

	u.open(v.base + "/")
	u.speaks(v.language)
	u.try(wakeOne)
	u.fill(macField, first.String())
	u.refused(u.execute(wakeOne), "401", wol.Unauthenticated)

	u.authorize(p.key)
	u.fill(macField, "02:11:22:33:44")
	u.refused(u.execute(wakeOne), "400", wol.Invalid)

	u.fill(macField, second.String())
	got := u.execute(wakeOne)
	u.sent(got, second)
	want := v.base + "/api/v1/wol/" + escaped(second)
	if got.url != want || !strings.Contains(got.curl, "'"+want+"'") || !strings.Contains(got.curl, "'Authorization: Bearer "+p.key+"'") {
		t.Errorf("the page shows the address %q, want %q, and\n%s", got.url, want, got.curl)
	}
	u.picture(v.name)

	u.try(wakeMany)
	u.edit(bodyField, "02:11:22:33:44:55", third.String())
	got = u.execute(wakeMany)
	u.sentMany(got, third)
	if want := v.base + "/api/v1/wol"; got.url != want || !strings.Contains(got.curl, "'"+want+"'") {
		t.Errorf("the page shows the address %q, want %q, and\n%s", got.url, want, got.curl)
	}

	u.do(t, "reload", chromedp.Reload(), chromedp.WaitVisible(wakeOne))
	u.forgot()
	u.try(wakeOne)
	u.fill(macField, fourth.String())
	u.refused(u.execute(wakeOne), "401", wol.Unauthenticated)

	u.do(t, "leave", leave())

	loaded, refusals := w.soFar()
	wanted := []string{
		"401 POST /api/v1/wol/" + escaped(first),
		"400 POST /api/v1/wol/02%3A11%3A22%3A33%3A44",
		"401 POST /api/v1/wol/" + escaped(fourth),
	}
	if diff := cmp.Diff(wanted, refusals); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	if !slices.Contains(loaded, "/swagger/doc.json") || !slices.Contains(loaded, "/swagger/swagger-ui-bundle.js") {
		t.Errorf("the watch did not see the page load: %q", loaded)
	}
	seen(t, p.lan, second, third)
	noMaps(t, v.base, loaded)
	u.close(t)
	notOnDisk(t, u.profile, p.key)
}

// mislead opens the page by a link that somebody else has made up: what is in it
// chooses neither the document nor the settings.
func (p *programs) mislead(t *testing.T, base string) {
	u := user{launch(t, "en-US", ""), t}
	w := observe(t, u.ctx, base)
	defer w.report(t)
	u.open(base + "/swagger/?url=https://evil.example/x.json&configUrl=https://evil.example/c.json&persistAuthorization=true")
	u.authorize(p.key)
	u.do(t, "reload", chromedp.Reload(), chromedp.WaitVisible(wakeOne))
	u.forgot()
	u.do(t, "leave", leave())
	if loaded, refusals := w.soFar(); len(refusals) > 0 || !slices.Contains(loaded, "/swagger/doc.json") {
		t.Errorf("loaded %q, refused %q", loaded, refusals)
	}
	seen(t, p.lan)
}

func escaped(mac wol.MAC) string { return url.QueryEscape(mac.String()) }

// policyOf returns what our own page allows itself.
func policyOf(t *testing.T, base string) string {
	t.Helper()
	response, err := http.Get(base + "/swagger/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return response.Header.Get("Content-Security-Policy")
}
