package gateway

import (
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// fail answers with the problem that err stands for.
func (g *gateway) fail(c *fiber.Ctx, err error) error {
	p := problemOf(err)
	if p.Status == fiber.StatusRequestEntityTooLarge && string(c.Request().Header.Peek(fiber.HeaderExpect)) == expectRefused {
		p = problem.WithStatus(fiber.StatusExpectationFailed, p.Detail)
	}
	if requestID(c) == "" { // refused before begin: by the parser, or by knownMethods
		g.prepare(c)
		p = g.refusedEarly(c, p)
	}
	if value := p.RetryAfterHeader(); value != "" {
		c.Set(fiber.HeaderRetryAfter, value)
	}
	if p.Code == wol.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="wolgate"`)
	}
	return c.Status(p.Status).JSON(p.For(requestID(c)), problem.ContentType)
}

// refusedEarly tells the audit log of a request that no handler has seen, and
// returns what to answer.
func (g *gateway) refusedEarly(c *fiber.Ctx, p *problem.Problem) *problem.Problem {
	conn, ok := c.Context().Conn().(*conn)
	if p.Code == wol.Internal || ok && !conn.spoke.Load() { // the connection broke, or was silent: nobody has asked
		return p
	}
	if p.Status == fiber.StatusRequestEntityTooLarge || p.Status == fiber.StatusExpectationFailed {
		if ok {
			conn.unread.Store(true)
		}
		p = g.refusedBody(c, p)
	}
	g.auditRefusal(c, "", p)
	g.Log.Debug("request refused", "request_id", requestID(c), "status", p.Status, "client", client(c).String(), "kind", string(p.Code), "err", p.Detail)
	return p
}

// refusedBody returns what to answer to a body that was not read. Who presents a key
// that is not valid with it has tried it: the refusal of the body tells as much about
// the key as a 401 does. Whose key is valid may have sent too many.
func (g *gateway) refusedBody(c *fiber.Ctx, p *problem.Problem) *problem.Problem {
	header := &c.Request().Header
	who, presented, valid := g.glance(header)
	if presented && !valid {
		if limited := problemOf(g.failedTry(c, who, presented)); limited.Code == wol.RateLimited {
			return limited
		}
	}
	if !valid {
		return p
	}
	c.Locals(localPrincipal, who)
	// A body in chunks was refused for its size, or because there was no token for it.
	if key, may := g.mayBeLarge(header); may && (header.ContentLength() > maxOptions || g.large != nil && !g.large.Take(key).OK) {
		g.Observe.Limited(BodyLimit)
		return problemOf(&wol.Error{Kind: wol.RateLimited, RetryAfter: time.Second, Message: "this key has sent too many large bodies at once: wait as long as Retry-After says, or name fewer targets a call"})
	}
	return p
}

// problemOf is problem.From for errors that may be the framework's own.
func problemOf(err error) *problem.Problem {
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		return fromFiber(e.Code)
	}
	return problem.From(err)
}

// fromFiber gives the framework's own refusals our words. Theirs are neither
// shown nor logged: those of the parser quote the request head, keys included.
func fromFiber(status int) *problem.Problem {
	switch status {
	case fiber.StatusNotFound:
		return problem.New(wol.NotFound, "")
	case fiber.StatusMethodNotAllowed:
		return problem.New(wol.MethodNotAllowed, "")
	case fiber.StatusRequestEntityTooLarge:
		return problem.WithStatus(status, "the body is too large: 4 KiB are read, and 128 KiB of POST /api/v1/wol with a valid key")
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return problem.WithStatus(status, "the request head is larger than 8 KiB: send fewer or shorter headers")
	case fiber.StatusRequestTimeout:
		return problem.WithStatus(status, "the request did not arrive whole within 5 seconds: send it again")
	}
	if status >= 400 && status < 500 {
		return problem.WithStatus(status, "the request is not well-formed HTTP/1.1")
	}
	return problem.New(wol.Internal, "")
}
