package wolhttp

import (
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
)

// exchange is what is known of a call in all its attempts, those that the transport makes by
// itself included.
type exchange struct {
	delivered atomic.Int32 // how often the daemon may have got the request
	heard     atomic.Bool  // whether it has said anything
}

// trace returns ctx such that the transport tells e.
func (e *exchange) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				e.delivered.Add(1)
			}
		},
		GotFirstResponseByte: func() { e.heard.Store(true) },
	})
}

// broken reports whether err means that the connection was closed or reset before a whole
// answer. One that is closed before the first byte of an answer shows in several ways, for
// some of which net/http has no exported error.
func (e *exchange) broken(err error) bool {
	if err == nil {
		return false
	}
	lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	return lost || !e.heard.Load() && !isDial(err)
}
