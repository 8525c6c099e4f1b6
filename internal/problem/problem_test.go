package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

func statuses() map[wol.Kind]int {
	return map[wol.Kind]int{
		wol.Invalid: 400, wol.Unauthenticated: 401, wol.Forbidden: 403, wol.NotFound: 404,
		wol.MethodNotAllowed: 405, wol.RateLimited: 429, wol.Internal: 500,
		wol.BadUpstream: 502, wol.Unavailable: 503, wol.Timeout: 504,
	}
}

func TestEveryKindHasItsStatusAndSurvivesTheWire(t *testing.T) {
	t.Parallel()
	for kind, status := range statuses() {
		sent := &wol.Error{
			Kind: kind, Message: "what happened and what to do", RetryAfter: 1500 * time.Millisecond,
			Failed: []wol.Failure{{Interface: "eth0", Destination: "10.0.0.255:9", Error: "network is down"}},
		}
		w := httptest.NewRecorder()
		if err := problem.From(fmt.Errorf("wake: %w", sent)).For("id-1").Write(w); err != nil {
			t.Fatal(err)
		}
		if w.Code != status || w.Header().Get("Content-Type") != problem.ContentType || w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: status %d, headers %v", kind, w.Code, w.Header())
		}
		got, ok := problem.Read(w.Code, w.Body.Bytes(), w.Header().Get("Retry-After"))
		sent.RetryAfter = 2 * time.Second
		if diff := cmp.Diff(sent, got); !ok || diff != "" {
			t.Errorf("%s read back (-want +got):\n%s", kind, diff)
		}
	}
}

func TestBodyGolden(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(problem.From(&wol.Error{Kind: wol.Invalid, Status: 413, Message: "the body is larger than 4096 bytes"}).For("id-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"about:blank","title":"Request Entity Too Large","status":413,"ok":false,"code":"invalid","detail":"the body is larger than 4096 bytes","request_id":"id-1"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestFromKeepsCausesOut(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errors.New("canary"),
		fmt.Errorf("canary: %w", context.DeadlineExceeded),
		&wol.Error{Kind: wol.Internal, Err: errors.New("canary")},
		&wol.Error{Kind: wol.Unavailable, Message: "words", Err: errors.New("canary")},
	} {
		text, jsonErr := json.Marshal(problem.From(err))
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if strings.Contains(string(text), "canary") {
			t.Errorf("%v shows its cause: %s", err, text)
		}
	}
}

func TestReadRefusesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
	}{
		"empty":         {503, ``},
		"html":          {502, `<html>Bad Gateway</html>`},
		"no code":       {503, `{"status":503}`},
		"unknown code":  {503, `{"status":503,"code":"teapot"}`},
		"wrong status":  {503, `{"status":503,"code":"forbidden"}`},
		"status in two": {503, `{"status":403,"code":"forbidden"}`},
		"claims ok":     {503, `{"status":503,"code":"unavailable","ok":true}`},
		"invalid 500":   {500, `{"status":500,"code":"invalid"}`},
		"foreign 500":   {500, `{"status":500,"error":"Internal Server Error"}`},
		"unknown 500":   {500, `{"status":500,"code":"teapot"}`},
	} {
		if e, ok := problem.Read(tt.status, []byte(tt.body), ""); ok {
			t.Errorf("%s: read as %v", name, e)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(503, []byte(`{"status":503,"code":"unavailable","detail":"x"}`), "5")
	f.Add(500, []byte(`{"status":500,"error":"Internal Server Error"}`), "")
	f.Add(413, []byte(`{"status":413,"code":"invalid"}`), "-1")
	f.Add(500, []byte(`{"status":500,"code":"internal","failed":[{}]}`), "99999999999999999999")
	f.Fuzz(func(t *testing.T, status int, body []byte, retryAfter string) {
		e, ok := problem.Read(status, body, retryAfter)
		if !ok {
			return
		}
		if _, known := statuses()[e.Kind]; !known || e.RetryAfter < 0 {
			t.Fatalf("read %+v", e)
		}
	})
}
