package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// caller asks a gateway with a key.
type caller struct{ url, key string }

// answer is what the gateway says.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	requestID string
}

// wake asks for one target.
func (c caller) wake(t testing.TB, mac string) answer {
	t.Helper()
	return c.ask(t, http.MethodPost, "/api/v1/wol/"+mac, "")
}

// ask sends a request that must get an answer, whatever it says.
func (c caller) ask(t testing.TB, method, path, body string) answer {
	t.Helper()
	a, err := c.try(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// try is ask for goroutines, which may not end a test.
func (c caller) try(ctx context.Context, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: text, requestID: response.Header.Get("X-Request-Id")}, err
}

// wakeUntil asks until the answer is as wanted, a hundred times a second.
func (c caller) wakeUntil(t *testing.T, wanted func(answer) bool) answer {
	t.Helper()
	deadline := time.Now().Add(woltest.Patience)
	for {
		a := c.wake(t, someMAC)
		if wanted(a) {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: status %d, %s", woltest.Patience, a.status, a.body)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// receipt reads the answer to a wake that must have succeeded.
func (a answer) receipt(t testing.TB) wol.Receipt {
	t.Helper()
	r, err := wol.ParseReceipt(a.body)
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	return r
}

// problem reads the answer to a request that must have failed.
func (a answer) problem(t testing.TB) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || p.OK || p.Status != a.status || p.RequestID != a.requestID || p.Detail == "" {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	if kind := a.header.Get("Content-Type"); kind != problem.ContentType {
		t.Fatalf("content type %q", kind)
	}
	return p
}
