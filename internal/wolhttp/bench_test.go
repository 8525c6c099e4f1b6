package wolhttp_test

import (
	"context"
	"net"
	"net/http"
	"strconv"
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
	for _, n := range []int{1, wol.MaxTargets} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			req := wol.Request{ID: "id-1", Targets: make([]wol.Target, n)}
			for i := range req.Targets {
				req.Targets[i].MAC = woltest.MAC(i + 1)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Wake(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
