package ops

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"wolgate/internal/netlimit"
)

// Handler serves metrics at /metrics, and pprof.
func Handler(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// MaxConnections bounds the descriptors that clients of this listener can take from the
// public one and from the key file.
const MaxConnections = 16

// readTimeout is how long a client may take for its request, and so keep a place.
const readTimeout = 5 * time.Second

// Serve answers on listener with handler until ctx ends. On a loopback address it
// refuses what pages in a browser on this host ask for.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	return serve(ctx, listener, handler, readTimeout, log)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler, within time.Duration, log *slog.Logger) error {
	if addr, ok := listener.Addr().(*net.TCPAddr); ok && addr.IP.IsLoopback() {
		handler = local(handler)
	}
	server := &http.Server{
		Handler:      handler,
		ReadTimeout:  within,
		WriteTimeout: 2 * time.Minute, // longer than the profiles that people take
		IdleTimeout:  30 * time.Second,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(netlimit.Wrap(listener, netlimit.Limits{Total: MaxConnections}, log)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// local refuses what a page in a browser on this host asks for: a page whose own name was
// made to resolve to us (DNS rebinding), which cannot name another Host than its own; and a
// page from elsewhere, which would not be shown the answer but could have profiles made. A
// link that a person follows is let in (Fetch Metadata Request Headers, W3C).
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") && net.ParseIP(strings.Trim(host, "[]")) == nil {
			http.Error(w, "this listener does not serve this Host: call it by its address, or as localhost", http.StatusForbidden)
			return
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin":
		default:
			if r.Header.Get("Sec-Fetch-Dest") != "document" {
				http.Error(w, "this listener does not serve pages of others: open it in a window of its own", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
