package wolhttp_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"wolgate/internal/unixsock"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// BenchmarkRoundTrip is a call over a real socket to a daemon that sends nothing.
func BenchmarkRoundTrip(b *testing.B) {
	nothing := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil })
	path := woltest.SocketPath(b)
	listener, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: wolhttp.Handler(nothing, noInterfaces, quiet())}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	c := wolhttp.NewClient(unixsock.Dialer(path), woltest.Patience)
	b.Cleanup(c.Close)
	woltest.Bench(b, c)
}
