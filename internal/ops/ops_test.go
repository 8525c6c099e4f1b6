package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// TestPagesOfOthersDoNotProfile: a page that is open in a browser on this host may ask for
// a profile of two minutes, sixteen times. A link that somebody follows is another thing.
func TestPagesOfOthersDoNotProfile(t *testing.T) {
	t.Parallel()
	handler := local(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, c := range []struct {
		host, site, dest string
		want             int
	}{
		{"localhost:9091", "", "", http.StatusTeapot}, // Prometheus, curl
		{"127.0.0.1:9091", "none", "document", http.StatusTeapot},
		{"127.0.0.1:9091", "same-origin", "empty", http.StatusTeapot},
		{"127.0.0.1:9091", "cross-site", "document", http.StatusTeapot},
		{"127.0.0.1:9091", "cross-site", "iframe", http.StatusForbidden},
		{"127.0.0.1:9091", "cross-site", "image", http.StatusForbidden},
		{"localhost:9091", "same-site", "empty", http.StatusForbidden}, // of another port
		{"wol.example.com:9091", "", "", http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+c.host+"/debug/pprof/heap?seconds=100", nil)
		r.Header.Set("Sec-Fetch-Site", c.site)
		r.Header.Set("Sec-Fetch-Dest", c.dest)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: status %d", c, w.Code)
		}
	}
}

// TestOperatorIsNotLockedOut: a client that takes every place of the operator's listener
// and says nothing keeps it for a while, and costs no descriptor beyond.
func TestOperatorIsNotLockedOut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, listener, http.NotFoundHandler(), time.Second, slog.New(slog.DiscardHandler))
	}()

	for range MaxConnections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("GET /metrics HTTP/1.1\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	ask := func() error {
		response, err := client.Get("http://" + address + "/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	if err := ask(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("one more than there are places for: %v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ask() != nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the silent ones keep their places")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
