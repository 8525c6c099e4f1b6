package gateway

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/audit"
	"wolgate/internal/fasthttpd"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// The one route that takes a large body.
const bulkPath = "/api/v1/wol"

// bodyLimit returns how much of a body may be read, before any of it has been.
// fasthttp keeps a whole body in memory before a handler sees the request, so large
// ones are read only for keys that may wake, and for as many as their limit allows:
// otherwise strangers could have us hold 128 KiB a connection.
func (g *gateway) bodyLimit(header *fasthttp.RequestHeader) int {
	if key, may := g.mayBeLarge(header); may && g.large.take(key) {
		return maxBody
	}
	return maxOptions
}

// mayBeLarge reports whether a request may have a large body, and whose key it has. A
// body in chunks, which has no length, may be large.
func (g *gateway) mayBeLarge(header *fasthttp.RequestHeader) (key string, may bool) {
	size := header.ContentLength()
	if string(header.Method()) != fiber.MethodPost || string(fasthttpd.Path(header)) != bulkPath || size >= 0 && size <= maxOptions || size > maxBody {
		return "", false
	}
	who, _, valid := g.glance(header)
	return who.Grant, valid && who.Has(wol.Wake)
}

// glance looks at the key of a request before any handler does, and returns whose it
// is, or was before it expired. A panic here would end the process; where a handler
// follows, it meets the same one and answers it.
func (g *gateway) glance(header *fasthttp.RequestHeader) (who wol.Caller, presented, valid bool) {
	defer func() {
		if recover() != nil {
			who, presented, valid = wol.Caller{}, false, false
		}
	}()
	key, err := credential(header)
	if err != nil || key == "" {
		return wol.Caller{}, false, false
	}
	who, valid = g.Keys().Authenticate(key, time.Now())
	return who, true, valid
}

// refusedEarly records a request that was refused before any handler has seen it, and
// returns what to answer.
func (g *gateway) refusedEarly(c *fiber.Ctx, err error) error {
	e, ok := errors.AsType[*wol.Error](err)
	if !ok || e.Kind == wol.Internal || !fasthttpd.Spoke(c.Context().Conn()) { // the connection broke, or was silent: nothing was asked
		return err
	}
	switch {
	case e.Status == fiber.StatusRequestEntityTooLarge:
		fasthttpd.LeaveUnread(c.Context().Conn())
		if fasthttpd.ExpectationRefused(&c.Request().Header) {
			e.Status = fiber.StatusExpectationFailed
		}
		err = g.refusedBody(c, err)
	case e.Kind == wol.Invalid:
		err = g.refuse(c, audit.InputFail, err)
	}
	call, p := callOf(c), problem.From(err)
	g.Log.Debug("request refused", "request_id", call.id, "status", p.Status, "client", call.caller.Source.String(), "kind", string(p.Code), "err", p.Detail)
	return err
}

// refusedBody returns what to answer to a body that was not read. With a key that is not
// valid the request counts as a failed try: the refusal of the body tells as much about
// the key as a 401 does. A valid key may have sent too many.
func (g *gateway) refusedBody(c *fiber.Ctx, err error) error {
	header := &c.Request().Header
	who, presented, valid := g.glance(header)
	if presented && !valid {
		if limited := g.failedTry(c, who, presented); wol.KindOf(limited) == wol.RateLimited {
			return limited
		}
		return err
	}
	if valid {
		callOf(c).admit(who)
		// A body in chunks was refused for its size, or because there was no token for it.
		if key, may := g.mayBeLarge(header); may && (header.ContentLength() > maxOptions || g.large.spent(key)) {
			g.Observe.Limited(BodyLimit)
			return g.refuse(c, audit.RateLimitExceeded, &wol.Error{Kind: wol.RateLimited, RetryAfter: time.Second,
				Message: "too many large bodies at once, of this key or of all: wait as long as Retry-After says, or name fewer targets a call"})
		}
	}
	return g.refuse(c, audit.InputFail, err)
}
