package gateway

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/semver"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

func TestDocsAreLocalAndComplete(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	// The first request must not decide what everybody else gets.
	d.call(t, http.MethodGet, "/swagger/x/y", "", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Host", "evil.example")
	page := d.call(t, http.MethodGet, "/swagger/", "")
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Security-Policy") != "default-src 'none'; script-src 'self'; style-src 'self'; "+
		"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" {
		t.Errorf("page: %d %v", page.StatusCode, page.Header)
	}
	if strings.Contains(page.body, "://") || strings.Contains(page.body, "<script>") {
		t.Errorf("the page points elsewhere or holds a script:\n%s", page.body)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(links) != 5 {
		t.Errorf("%d links in the page", len(links))
	}
	for _, link := range append(links, []string{"", "doc.json"}) {
		if a := d.call(t, http.MethodGet, "/swagger/"+link[1], ""); a.StatusCode != http.StatusOK || len(a.body) == 0 {
			t.Errorf("%s: status %d, %d bytes", link[1], a.StatusCode, len(a.body))
		}
	}
	for _, path := range []string{"/", "/swagger"} {
		if a := d.call(t, http.MethodGet, path, ""); a.StatusCode != http.StatusFound || a.Header.Get("Location") != "swagger/" {
			t.Errorf("%s: %d to %q", path, a.StatusCode, a.Header.Get("Location"))
		}
	}
}

// pinned reads ui/dist/SHA256SUMS: what every asset has to hash to.
func pinned(t *testing.T) map[string]string {
	t.Helper()
	list, err := os.ReadFile("ui/dist/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(list)) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && !strings.HasPrefix(line, "#") {
			sums[name] = sum
		}
	}
	if len(sums) != len(assets) {
		t.Fatalf("%d sums for %d assets", len(sums), len(assets))
	}
	return sums
}

func sha(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// TestDocsAssetsArePinned reads what a browser gets, not what lies in the tree.
func TestDocsAssetsArePinned(t *testing.T) {
	t.Parallel()
	const (
		ui     = "5.35.0"
		purify = "3.4.11" // CVE-2025-26791 is mended as of 3.2.4, CVE-2026-65898 as of this
	)
	d := open(t, nil)
	sums := pinned(t)
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript", ".png": "image/png"}
	for _, name := range assets {
		a := d.call(t, http.MethodGet, "/swagger/"+name, "")
		if a.StatusCode != http.StatusOK || sha(a.body) != sums[name] {
			t.Errorf("%s: status %d, %d bytes with the sum %s, want %q", name, a.StatusCode, len(a.body), sha(a.body), sums[name])
		}
		if got, want := a.Header.Get("Content-Type"), kinds[name[strings.LastIndex(name, "."):]]; got != want {
			t.Errorf("%s: content type %q, want %q", name, got, want)
		}
	}
	bundle := d.call(t, http.MethodGet, "/swagger/swagger-ui-bundle.js", "").body
	if !strings.Contains(bundle, `PACKAGE_VERSION:"`+ui+`"`) {
		t.Errorf("the bundle is not Swagger UI %s", ui)
	}
	found := regexp.MustCompile(`DOMPurify\.version="([0-9.]+)"`).FindStringSubmatch(bundle)
	if found == nil || semver.Compare("v"+found[1], "v"+purify) < 0 {
		t.Errorf("the bundle has DOMPurify %q, want at least %s", found, purify)
	}
}

// TestDocsAreTheSameWhoeverAsksFirst: the first request for an asset decides
// nothing about what it gets itself, nor about what everybody else gets.
func TestDocsAreTheSameWhoeverAsksFirst(t *testing.T) {
	t.Parallel()
	sums := pinned(t)
	for name, headers := range map[string][]string{
		"range":    {"Range", "bytes=0-9"},
		"if-match": {"If-Match", `"x"`},
		"if-range": {"If-Range", `"x"`, "Range", "bytes=-1"},
		"prefix":   {"X-Forwarded-Prefix", "/evil", "X-Forwarded-Host", "evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, nil)
			for _, asset := range assets {
				for _, h := range [][]string{headers, nil} {
					if a := d.call(t, http.MethodGet, "/swagger/"+asset+"?x", "", h...); a.StatusCode != http.StatusOK || sha(a.body) != sums[asset] {
						t.Errorf("%s with %v: status %d, %d bytes", asset, h, a.StatusCode, len(a.body))
					}
				}
			}
		})
	}
}

// TestDocsAnswerHead on one connection, where a body too many would be taken for
// the next answer.
func TestDocsAnswerHead(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, name := range append([]string{"", "index.html", "init.js", "doc.json"}, assets...) {
		path := "/swagger/" + name
		head := "HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
		r := bufio.NewReader(d.say(t, head+head+"GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
		var length [3]int64
		for i, method := range []string{http.MethodHead, http.MethodHead, http.MethodGet} {
			response, err := http.ReadResponse(r, &http.Request{Method: method})
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: %v %v", method, path, response, err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if length[i] = response.ContentLength; err != nil || method == http.MethodGet && int64(len(body)) != length[i] {
				t.Errorf("%s %s: %d bytes of %d, %v", method, path, len(body), length[i], err)
			}
		}
		if length[0] != length[2] || length[1] != length[2] || length[2] <= 0 {
			t.Errorf("%s: lengths %v", path, length)
		}
	}
}

// TestDocsTravelLight: compressed for those who take it, and not at all for those who have it.
func TestDocsTravelLight(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, name := range append([]string{"", "index.html", "init.js", "doc.json"}, assets...) {
		path := "/swagger/" + name
		plain := d.call(t, http.MethodGet, path, "", "Accept-Encoding", "identity")
		tags := map[string]string{plain.Header.Get("ETag"): "identity"}
		for accept, packed := range map[string]bool{"gzip": true, "gzip, deflate, br": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "br": false} {
			a := d.call(t, http.MethodGet, path, "", "Accept-Encoding", accept)
			tags[a.Header.Get("ETag")] = a.Header.Get("Content-Encoding")
			body := a.body
			if a.Header.Get("Content-Encoding") == "gzip" {
				z, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(z)
				if body = string(text); err != nil {
					t.Error(err)
				}
			}
			smaller := len(a.body) < len(plain.body)*2/3
			png := strings.HasSuffix(name, ".png") // is compressed as it is
			if body != plain.body || smaller != packed && !png || a.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s, accepting %s: %d bytes, %v", path, accept, len(a.body), a.Header)
			}
		}
		if len(tags) != 2 && !strings.HasSuffix(name, ".png") || tags[""] != "" {
			t.Errorf("%s: tags %v", path, tags)
		}
		for tag, encoding := range tags {
			for _, header := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
				a := d.call(t, http.MethodGet, path, "", "Accept-Encoding", encoding, "If-None-Match", header)
				if a.StatusCode != http.StatusNotModified || a.body != "" || a.Header.Get("ETag") != tag || a.Header.Get("Vary") != "Accept-Encoding" {
					t.Errorf("%s, known as %s: %d %v, %d bytes", path, header, a.StatusCode, a.Header, len(a.body))
				}
			}
			if a := d.call(t, http.MethodGet, path, "", "Accept-Encoding", encoding, "If-None-Match", `"x"`); a.StatusCode != http.StatusOK {
				t.Errorf("%s, known as another: %d", path, a.StatusCode)
			}
		}
	}
}

// TestDocsServeNoMaps: of what lies with the assets, none but those is served.
func TestDocsServeNoMaps(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	others := []string{"swagger-ui.js", "swagger-ui-standalone-preset.js", "swagger-ui-es-bundle.js", "swagger-initializer.js", "index.css",
		"oauth2-redirect.html", "x.map", "dist/"}
	for _, name := range assets {
		others = append(others, name+".map", name+"/", "x/"+name, strings.ToUpper(name))
	}
	folder, err := os.ReadDir("ui/dist")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range folder {
		if !slices.Contains(assets, file.Name()) {
			others = append(others, file.Name())
		}
	}
	for _, name := range others {
		if a := d.call(t, http.MethodGet, "/swagger/"+name, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
	}
}

// TestDocsTakeNoWrites: the handlers of other versions keep what is PUT, and
// delete what is DELETEd, for everybody (CVE-2022-24863).
func TestDocsTakeNoWrites(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	sums := pinned(t)
	for _, name := range append([]string{"", "index.html", "init.js", "doc.json"}, assets...) {
		for _, method := range []string{"PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "WEIRD"} {
			a := d.call(t, method, "/swagger/"+name, "<script>", "Destination", d.url+"/swagger/x.html")
			if allow := a.Header.Get("Allow"); a.StatusCode != http.StatusMethodNotAllowed || !strings.HasPrefix(allow, "GET, HEAD") {
				t.Errorf("%s %s: status %d, Allow %q", method, name, a.StatusCode, allow)
			}
		}
	}
	for _, name := range assets {
		if a := d.call(t, http.MethodGet, "/swagger/"+name, ""); sha(a.body) != sums[name] {
			t.Errorf("%s is another since", name)
		}
	}
}

// TestDocsShowOneDocument: what is in the address chooses neither the document
// nor the settings, and the page keeps no key.
func TestDocsShowOneDocument(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, path := range []string{"", "index.html", "init.js", "doc.json"} {
		plain := d.call(t, http.MethodGet, "/swagger/"+path, "").body
		query := "?url=https://evil.example/x.json&configUrl=https://evil.example/c.json&persistAuthorization=true"
		if a := d.call(t, http.MethodGet, "/swagger/"+path+query, ""); a.StatusCode != http.StatusOK || a.body != plain || strings.Contains(a.body, "evil") {
			t.Errorf("%s: status %d, and the query changes the answer", path, a.StatusCode)
		}
	}
	script := d.call(t, http.MethodGet, "/swagger/init.js", "").body
	for _, line := range []string{`url: "doc.json"`, "queryConfigEnabled: false", "persistAuthorization: false", "validatorUrl: null", "defaultModelsExpandDepth: 0"} {
		if !strings.Contains(script, "\n  "+line+",\n") {
			t.Errorf("init.js has no %s", line)
		}
	}
	if strings.Contains(script, "configUrl") {
		t.Error("init.js has a configUrl")
	}
}

func TestDocsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *Options) { o.Docs = false })
	for _, path := range []string{"/", "/swagger", "/swagger/", "/swagger/index.html", "/swagger/doc.json"} {
		if a := d.call(t, http.MethodGet, path, ""); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
}

// TestDocumentDescribesTheRoutes compares the OpenAPI document with the routes.
func TestDocumentDescribesTheRoutes(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var document struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			Security    []map[string][]string
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
			Responses map[string]struct{ Content map[string]any }
		}
		Components struct {
			Schemas         map[string]any
			SecuritySchemes map[string]struct{ Type, Scheme, In, Name string }
		}
	}
	if err := json.Unmarshal([]byte(d.call(t, http.MethodGet, "/swagger/doc.json", "").body), &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || len(document.Servers) != 1 || document.Servers[0].URL != ".." {
		t.Errorf("OpenAPI %q, servers %v", document.OpenAPI, document.Servers)
	}
	if s := document.Components.SecuritySchemes["Key"]; s.Type != "http" || s.Scheme != "bearer" {
		t.Errorf("security scheme %+v", s)
	}
	if s := document.Components.SecuritySchemes["KeyHeader"]; s.Type != "apiKey" || s.In != "header" || s.Name != "X-API-Key" {
		t.Errorf("security scheme %+v", s)
	}
	g := &gateway{}
	for _, r := range g.routes() {
		path := strings.ReplaceAll(r.path, ":mac_addr", "{mac_addr}")
		operation, ok := document.Paths[path][strings.ToLower(r.method)]
		if !ok {
			t.Errorf("%s %s is not described", r.method, path)
			continue
		}
		either := []map[string][]string{{"Key": {}}, {"KeyHeader": {}}} // one or the other
		if r.action == public {
			either = nil
		}
		if diff := cmp.Diff(either, operation.Security); diff != "" {
			t.Errorf("%s %s: security (-want +got):\n%s", r.method, path, diff)
		}
		for _, status := range []string{"400", "401", "403", "429", "500", "502", "503", "504"} {
			if _, ok := operation.Responses[status]; !ok && r.action != public {
				t.Errorf("%s %s: status %s is not described", r.method, path, status)
			}
		}
		for status, response := range operation.Responses {
			for kind := range response.Content {
				if want := map[bool]string{true: "application/json", false: "application/problem+json"}[status == "200"]; kind != want {
					t.Errorf("%s %s: %s has content type %s", r.method, path, status, kind)
				}
			}
		}
		for kind, content := range operation.RequestBody.Content {
			// Try it out offers an example only where the body has one schema.
			if kind != "application/json" || !strings.HasPrefix(content.Schema.Ref, "#/components/schemas/Wake") {
				t.Errorf("%s %s: request body %s %+v", r.method, path, kind, content)
			}
		}
	}
	for name := range document.Components.Schemas {
		if strings.Contains(name, ".") {
			t.Errorf("schema %s shows the name of a Go package", name)
		}
	}
}

// TestExamplesAreOfTheirStatus: what the page shows beside a status is an answer with that
// status, and what "Try it out" offers is the least that the route takes.
func TestExamplesAreOfTheirStatus(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	type content map[string]struct{ Example json.RawMessage }
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct{ Content content }
			Responses   map[string]struct{ Content content }
		}
	}
	if err := json.Unmarshal([]byte(d.call(t, http.MethodGet, "/swagger/doc.json", "").body), &document); err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, methods := range document.Paths {
		for _, operation := range methods {
			details := map[string]string{}
			for status, response := range operation.Responses {
				for _, c := range response.Content {
					if status == "200" {
						continue
					}
					n++
					var p problem.Problem
					if err := json.Unmarshal(c.Example, &p); err != nil || fmt.Sprint(p.Status) != status || p.Detail == "" {
						t.Errorf("%s %s: %v %s", path, status, err, c.Example)
					}
					if other := details[p.Detail]; other != "" {
						t.Errorf("%s: %s and %s have one text", path, other, status)
					}
					details[p.Detail] = status
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("%d examples of errors", n)
	}
	one, many := document.Paths["/api/v1/wol/{mac_addr}"]["post"], document.Paths["/api/v1/wol"]["post"]
	receipt, err := wol.ParseReceipt(one.Responses["200"].Content["application/json"].Example)
	if err != nil || receipt.Status != wol.Sent {
		t.Errorf("one: %+v, %v", receipt, err)
	}
	receipts, err := wol.ParseReceipts(many.Responses["200"].Content["application/json"].Example)
	if err != nil || receipts.Status != wol.Sent {
		t.Errorf("many: %+v, %v", receipts, err)
	}
	if body := string(one.RequestBody.Content["application/json"].Example); body != "{}" {
		t.Errorf("one asks with %s", body)
	}
	if body := string(many.RequestBody.Content["application/json"].Example); body != `{"targets":[{"mac_addr":"02:11:22:33:44:55"}]}` {
		t.Errorf("many asks with %s", body)
	}
}
