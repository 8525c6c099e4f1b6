package wolhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// FuzzSocketRequest gives the daemon's handler what somebody may write to its
// socket. The header is raw lines, which net/http parses or refuses as it does on a
// connection.
func FuzzSocketRequest(f *testing.F) {
	const mac = "/wol/02:00:00:00:00:01"
	for _, seed := range []struct{ method, target, header, body string }{
		{"POST", mac, "", ""},
		{"POST", mac, "X-Request-ID: a\r\nContent-Type: application/json\r\nWol-Deadline: 99999999999999\r\n", `{"secureon":"c0a80107"}`},
		{"POST", "/wol/02%3A00%3A00%3A00%3A00%3A01", "", "{}"},
		{"POST", "/wol/02%253A00%253A00%253A00%253A00%253A01", "", ""},
		{"POST", "/wol", "", `{"targets":[{"mac_addr":"0200.0000.0001"},{"mac_addr":"02-00-00-00-00-02","secureon":"c0a80107aabb"}],"interface":"eth0"}`},
		{"POST", "/wol", "Content-Type: text/plain\r\n", `{"targets":[{"mac_addr":"ff:ff:ff:ff:ff:ff"}]}`},
		{"POST", mac, "Origin:\r\n", ""},
		{"POST", mac, "Sec-Fetch-Site: none\r\n", ""},
		{"POST", mac, "Host: evil.example\r\n", ""},
		{"POST", mac, "Wol-Deadline: -9223372036854775808\r\n", ""},
		{"POST", mac, "Wol-Deadline: 9223372036854775807\r\n", ""},
		{"POST", "http://evil.example" + mac, "", ""},
		{"POST", mac + "?x", "", ""},
		{"POST", mac, "", `{"interface":"eth0","interface":"eth1"}`},
		{"GET", "/interfaces", "", ""},
		{"GET", "/healthz", "", ""},
		{"OPTIONS", "*", "", ""},
		{"CONNECT", "localhost:80", "", ""},
		{"BREW", "//wol/%00", "", "\xff"},
	} {
		f.Add(seed.method, seed.target, seed.header, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, method, target, header string, body []byte) {
		if strings.ContainsAny(method+target, " \r\n") {
			return // net/http would read another request than this one
		}
		if !strings.Contains(strings.ToLower(header), "host:") {
			header += "Host: wol-server\r\n"
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\n" + header + "\r\n")))
		if err != nil {
			return // answered by net/http
		}
		r.Body = http.NoBody
		if len(body) > 0 {
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(string(body))).Body
		}
		var asked []wol.Request
		waker := wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
			asked = append(asked, req)
			if at, ok := ctx.Deadline(); !ok || time.Until(at) > time.Minute {
				t.Errorf("the call may take until %v", at)
			}
			return woltest.Receipts(req), nil
		})
		w := httptest.NewRecorder()
		wolhttp.Handler(waker, noInterfaces, quiet()).ServeHTTP(w, r)

		id := w.Header().Get("X-Request-ID")
		if id == "" || wol.RequestID(id) != id {
			t.Errorf("request id %q", id)
		}
		if len(asked) > 0 {
			woken(t, r, asked, id, body)
		}
		if !slices.Contains([]int{200, 400, 403, 404, 405, 413, 415}, w.Code) || (w.Code == 200) == (len(asked) == 0) && r.Method == "POST" {
			t.Errorf("status %d after %d wakes", w.Code, len(asked))
		}
		if w.Code == 200 {
			if !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s", w.Header(), w.Body)
			}
			return
		}
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.OK || p.Status != w.Code || p.RequestID != id || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("%v, %s: %s", err, w.Header(), w.Body)
		}
	})
}

// woken checks that a request which came through to the waker was one that may,
// in words of its own.
func woken(t *testing.T, r *http.Request, asked []wol.Request, id string, body []byte) {
	t.Helper()
	for name := range r.Header {
		if name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-Fetch-") {
			t.Errorf("woken with %s", name)
		}
	}
	if host, _, _ := strings.Cut(strings.ToLower(r.Host), ":"); !slices.Contains([]string{"", "localhost", "wol", "wol-server"}, host) {
		t.Errorf("woken as %s", r.Host)
	}
	if len(asked) != 1 || asked[0].ID != id || r.Method != http.MethodPost || r.URL.RawQuery != "" {
		t.Fatalf("%s %s: woken with %+v", r.Method, r.URL, asked)
	}
	var texts []string // the MACs as they were written
	if text, one := strings.CutPrefix(r.URL.EscapedPath(), "/wol/"); one {
		text, err := url.PathUnescape(text)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	} else {
		var list wol.Targets
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		for _, target := range list.Targets {
			texts = append(texts, target.MAC)
		}
	}
	if len(texts) != len(asked[0].Targets) {
		t.Fatalf("%q woke %d targets", texts, len(asked[0].Targets))
	}
	for i, target := range asked[0].Targets {
		const digits = "0123456789abcdef"
		bare := strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.ToLower(texts[i]))
		if len(bare) != 12 || strings.Trim(bare, digits) != "" || bare != strings.ReplaceAll(target.MAC.String(), ":", "") {
			t.Errorf("%q woke %s", texts[i], target.MAC)
		}
	}
}
