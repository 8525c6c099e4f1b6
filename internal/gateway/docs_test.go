package gateway

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestDocsAreLocalAndComplete(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	// The first request must not decide what everybody else gets.
	d.call(t, http.MethodGet, "/swagger/x/y", "", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Host", "evil.example")
	page := d.call(t, http.MethodGet, "/swagger/", "")
	if page.StatusCode != http.StatusOK || !strings.Contains(page.Header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
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
	for _, headers := range [][]string{{"Range", "bytes=0-9"}, nil} {
		a := d.call(t, http.MethodGet, "/swagger/swagger-ui.css", "", headers...)
		if a.StatusCode != http.StatusOK || len(a.body) < 100_000 || a.Header.Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("%v: status %d, %d bytes, %v", headers, a.StatusCode, len(a.body), a.Header)
		}
	}
	for _, path := range []string{"/", "/swagger"} {
		if a := d.call(t, http.MethodGet, path, ""); a.StatusCode != http.StatusFound || a.Header.Get("Location") != "swagger/" {
			t.Errorf("%s: %d to %q", path, a.StatusCode, a.Header.Get("Location"))
		}
	}
	for _, method := range []string{"PUT", "DELETE", "POST", "PROPFIND", "MKCOL"} {
		if a := d.call(t, method, "/swagger/index.html", "<script>"); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, a.StatusCode)
		}
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
			SecuritySchemes map[string]struct{ Type, Scheme string }
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
	g := &gateway{}
	for _, r := range g.routes() {
		path := strings.ReplaceAll(r.path, ":mac_addr", "{mac_addr}")
		operation, ok := document.Paths[path][strings.ToLower(r.method)]
		if !ok {
			t.Errorf("%s %s is not described", r.method, path)
			continue
		}
		if secured := len(operation.Security) > 0; secured != (r.scope != public) {
			t.Errorf("%s %s: described as secured %v", r.method, path, secured)
		}
		for _, status := range []string{"400", "401", "403", "429", "500", "502", "503", "504"} {
			if _, ok := operation.Responses[status]; !ok && r.scope != public {
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
