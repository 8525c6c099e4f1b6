package fasthttpd

import (
	"slices"

	"github.com/valyala/fasthttp"
)

// Quiet keeps s from logging of its own accord: it quotes broken requests together with the
// keys that they may hold.
func Quiet(s *fasthttp.Server) { s.Logger = noLogger{} }

type noLogger struct{}

func (noLogger) Printf(string, ...any) {}

// KnownMethods passes on a request whose method is among known, and everything else to
// refuse. CONNECT is refused as well: its target is an address and no path (RFC 9112
// section 3.2.3), so there is no route to look for.
func KnownMethods(next, refuse fasthttp.RequestHandler, known []string) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if method := string(ctx.Method()); method != fasthttp.MethodConnect && slices.Contains(known, method) {
			next(ctx)
			return
		}
		refuse(ctx)
	}
}

// Once returns what handler answers to one request for path, made by ourselves.
func Once(handler func(*fasthttp.RequestCtx) error, path string) (*fasthttp.Response, error) {
	var request fasthttp.Request
	request.SetRequestURI(path)
	var ctx fasthttp.RequestCtx
	ctx.Init(&request, nil, noLogger{})
	err := handler(&ctx)
	return &ctx.Response, err
}
