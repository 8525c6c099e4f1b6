package page

import (
	"net/url"
	"slices"
	"testing"
	"time"

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
	direct := visit{base: "http://" + hostAddress + ":" + p.port, language: "en-US"}
	t.Run("direct", func(t *testing.T) { p.use(t, direct) })
	t.Run("address", func(t *testing.T) { p.mislead(t, direct.base) })
	t.Run("nginx", func(t *testing.T) { p.pass(t, nginx(t, p)) })
	t.Run("caddy", func(t *testing.T) { p.pass(t, caddy(t, p)) })
}

// visit is one way to reach the page.
type visit struct {
	base     string // without the last slash
	trusted  string // hash of the certificate's key
	language string
}

// use is the whole visit. Each wake is for a target of its own: at its end, the LAN
// has seen the packets of those that were answered with 200, and no other.
func (p *programs) use(t *testing.T, v visit) {
	u, w := begin(t, v)
	first, second, third, fourth := woltest.MAC(1), woltest.MAC(2), woltest.MAC(3), woltest.MAC(4)

	u.open(v.base + "/")
	u.try(wakeOne)
	u.fill(macField, first.String())
	u.refused(u.execute(wakeOne), "401", wol.Unauthenticated)

	u.authorize(p.key)
	u.fill(macField, "02:11:22:33:44")
	u.refused(u.execute(wakeOne), "400", wol.Invalid)

	u.fill(macField, second.String())
	u.shows(u.execute(wakeOne), second, v.base+"/api/v1/wol/"+escaped(second), p.key)

	u.try(wakeMany)
	u.edit(bodyField, "02:11:22:33:44:55", third.String())
	u.shows(u.execute(wakeMany), third, v.base+"/api/v1/wol", p.key)

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
	u.close(t)
	notOnDisk(t, u.profile, p.key)
}

// pass wakes once by way of a proxy, which has the page on a path of its own.
func (p *programs) pass(t *testing.T, v visit) {
	u, w := begin(t, v)
	mac := woltest.MAC(1)
	u.open(v.base + "/")
	u.authorize(p.key)
	u.try(wakeOne)
	u.fill(macField, mac.String())
	u.shows(u.execute(wakeOne), mac, v.base+"/api/v1/wol/"+escaped(mac), p.key)
	u.do(t, "leave", leave())
	if _, refusals := w.soFar(); len(refusals) > 0 {
		t.Errorf("refused: %q", refusals)
	}
	seen(t, p.lan, mac)
}

// begin opens a browser, and fails the test for everything that a page does in it that
// ours must not do.
func begin(t *testing.T, v visit) (user, *watch) {
	t.Helper()
	u := user{launch(t, v.language, v.trusted), t}
	w := observe(t, u.ctx, v.base)
	t.Cleanup(func() { w.report(t) }) // also where a step fails, which may be why
	return u, w
}

// mislead opens the page by a link that somebody else made up: it chooses neither the
// document nor the settings.
func (p *programs) mislead(t *testing.T, base string) {
	u := user{launch(t, "en-US", ""), t}
	w := observe(t, u.ctx, base)
	u.open(base + "/swagger/?url=https://evil.example/x.json&configUrl=https://evil.example/c.json&persistAuthorization=true")
	u.authorize(p.key)
	u.do(t, "reload", chromedp.Reload(), chromedp.WaitVisible(wakeOne))
	u.forgot()
	if loaded, refusals := w.soFar(); len(refusals) > 0 || !slices.Contains(loaded, "/swagger/doc.json") {
		t.Errorf("loaded %q, refused %q", loaded, refusals)
	}
	w.report(t)
	// A watch that sees nothing would find every page good.
	u.do(t, "ask another origin", chromedp.Evaluate(`fetch("http://192.0.2.1/").catch(() => null)`, nil, await))
	for deadline := time.Now().Add(woltest.Patience); !w.saw("policy: connect-src"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the watch did not see what the policy refused")
		}
	}
	u.do(t, "leave", leave())
	seen(t, p.lan)
}

func escaped(mac wol.MAC) string { return url.QueryEscape(mac.String()) }
