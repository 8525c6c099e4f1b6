package fasthttpd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// ServeHTTP answers the request of c with handler, which gets ctx in place of the context
// of fasthttp, and may keep every string of the request. failed is told what handler
// panicked with, and answers in its place.
func ServeHTTP(ctx context.Context, c *fasthttp.RequestCtx, handler http.Handler, failed func(http.ResponseWriter, string)) {
	fasthttpadaptor.NewFastHTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { // the handler runs in a goroutine of its own
			if value := recover(); value != nil {
				failed(w, fmt.Sprint(value))
			}
		}()
		handler.ServeHTTP(w, ownStrings(r).WithContext(ctx))
	}))(c)
}

// ownStrings returns a copy of r that shares no memory with the buffers of fasthttp, which
// are reused for the next request.
func ownStrings(r *http.Request) *http.Request {
	own := r.Clone(r.Context())
	own.Method, own.Proto = strings.Clone(r.Method), strings.Clone(r.Proto)
	own.Host, own.RequestURI = strings.Clone(r.Host), strings.Clone(r.RequestURI)
	if u, err := url.ParseRequestURI(own.RequestURI); err == nil { // as it has been parsed once
		own.URL = u
	}
	own.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		for _, value := range values {
			own.Header.Add(strings.Clone(name), strings.Clone(value))
		}
	}
	return own
}
