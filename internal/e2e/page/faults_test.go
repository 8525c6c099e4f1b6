package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"wolgate/internal/woltest"
)

// watchSeesFaults shows the watch pages that do what ours must not, under the policy
// of ours, and one that does nothing of the kind. A watch that sees nothing would
// find every page good.
func watchSeesFaults(t *testing.T, policy string) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	ours := func(content string) string { return `<!DOCTYPE html><title>t</title><body>` + content }
	bad := []struct {
		name, content string
		headers       []string // that are changed
		want          []string // parts of faults
	}{
		{name: "foreign image", content: ours(`<img src="http://foreign.example/x.png">`),
			want: []string{"policy: img-src", "console: \"securitypolicyviolation\" \"img-src\"", "log: security error: Loading the image", "asked another origin: GET http://foreign.example/x.png"}},
		{name: "inline script", content: ours(`<script>document.title = "ran"</script>`),
			want: []string{"policy: script-src", "console: \"securitypolicyviolation\" \"script-src-elem\"", "log: security error: Executing inline script"}},
		{name: "inline style", content: ours(`<p style="color: red">x`),
			want: []string{"policy: style-src", "console: \"securitypolicyviolation\" \"style-src-attr\""}},
		{name: "eval", content: ours(`<script src="eval.js"></script>`),
			want: []string{"policy: script-src", "exception: "}},
		{name: "foreign fetch", content: ours(`<script src="fetch.js"></script>`),
			want: []string{"policy: connect-src", "securitypolicyviolation"}},
		{name: "foreign fetch, no policy", content: ours(`<script src="fetch.js"></script>`), headers: []string{"Content-Security-Policy", ""},
			want: []string{"asked another origin: GET " + elsewhere.URL + "/x", "no policy"}},
		{name: "foreign fetch that leaves no trace on the console", content: ours(`<link rel="prefetch" href="` + elsewhere.URL + `/y">`), headers: []string{"Content-Security-Policy", ""},
			want: []string{"asked another origin: GET " + elsewhere.URL + "/y"}},
		{name: "data other than an image", content: ours(`<script src="data:text/javascript,0"></script>`),
			want: []string{"asked another origin: GET data:text/javascript,0"}},
		{name: "frame", content: ours(`<iframe src="data:text/html,x"></iframe>`),
			want: []string{"policy: frame-src"}},
		{name: "web socket", content: ours(`<script src="socket.js"></script>`), headers: []string{"Content-Security-Policy", ""},
			want: []string{"opened a web socket"}},
		{name: "worker", content: ours(`<script src="worker.js"></script>`),
			want: []string{"started a worker"}},
		{name: "service worker", content: ours(`<script src="service.js"></script>`),
			want: []string{"started a service_worker"}},
		{name: "window", content: ours(`<script src="open.js"></script>`),
			want: []string{"started a page"}},
		{name: "source map", content: ours(`<script src="code.js.map"></script>`),
			want: []string{"asked for a source map"}},
		{name: "error on the console", content: ours(`<script src="error.js"></script>`),
			want: []string{"console: \"oh\""}},
		{name: "exception", content: ours(`<script src="throw.js"></script>`),
			want: []string{"exception: "}},
		{name: "no nosniff", content: ours(""), headers: []string{"X-Content-Type-Options", ""},
			want: []string{"no nosniff"}},
	}
	scripts := map[string]string{
		"eval.js":    `eval("0")`,
		"fetch.js":   `fetch("` + elsewhere.URL + `/x", { mode: "no-cors" }).catch(() => {})`,
		"socket.js":  `new WebSocket("ws" + location.origin.slice(4) + "/s")`,
		"worker.js":  `window.w = new Worker("idle.js")`,
		"service.js": `navigator.serviceWorker.register("idle.js")`,
		"idle.js":    `addEventListener("message", () => {})`,
		"open.js":    `open("about:blank")`,
		"error.js":   `console.error("oh")`,
		"throw.js":   `throw new Error("oh")`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		rw.Header().Set("Content-Security-Policy", policy)
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		if script, ok := scripts[name]; ok {
			rw.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(rw, script)
			return
		}
		rw.Header().Set("Content-Type", "text/html")
		if name == "good" {
			fmt.Fprint(rw, ours(`<script src="idle.js"></script><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`))
			return
		}
		for _, page := range bad {
			if strings.ReplaceAll(page.name, " ", "-") == name {
				for i := 0; i < len(page.headers); i += 2 {
					rw.Header().Set(page.headers[i], page.headers[i+1])
				}
				fmt.Fprint(rw, page.content)
				return
			}
		}
		http.Error(rw, "not here", http.StatusNotFound)
	}))
	defer server.Close()

	b := launch(t, "en", "")
	visit := func(name string) *watch {
		ctx, cancel := chromedp.NewContext(b.ctx)
		t.Cleanup(cancel)
		w := observe(t, ctx, server.URL)
		tab := &browser{ctx: ctx}
		tab.do(t, "visit "+name, chromedp.Navigate(server.URL+"/"+strings.ReplaceAll(name, " ", "-")))
		return w
	}
	good := visit("good")
	good.report(t)
	for _, page := range bad {
		w := visit(page.name)
		for _, want := range page.want {
			if seen, ok := w.await(want); !ok {
				t.Errorf("%s: the watch saw no %q in\n%s", page.name, want, seen)
			}
		}
	}
	if _, refusals := visit("missing").soFar(); !slices.Contains(refusals, "404 GET /missing") {
		t.Errorf("missing: refusals %q", refusals)
	}
}

// await waits for a fault that has this in it, and returns all that there are.
func (w *watch) await(part string) (all string, ok bool) {
	deadline := time.After(woltest.Patience)
	for {
		w.mu.Lock()
		grown := w.grown
		all = strings.Join(w.faults, "\n")
		w.mu.Unlock()
		if strings.Contains(all, part) {
			return all, true
		}
		select {
		case <-grown:
		case <-deadline:
			return all, false
		}
	}
}
