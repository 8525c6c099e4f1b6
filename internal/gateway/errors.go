package gateway

import (
	"errors"
	"log/slog"

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
	if requestID(c) == "" { // the parser refused it before begin could
		prepare(c)
		level := slog.LevelWarn
		if p.Code == wol.Internal { // the connection broke: nobody asked, and nobody reads the answer
			level = slog.LevelDebug
		}
		if p.Status == fiber.StatusRequestEntityTooLarge || p.Status == fiber.StatusExpectationFailed {
			if g.triedKey(&c.Request().Header) {
				if tried := problemOf(g.failedTry(c)); tried.Code == wol.RateLimited {
					p, level = tried, slog.LevelDebug
				}
			}
		}
		g.Log.Log(c.Context(), level, "request refused", "request_id", requestID(c), "status", p.Status, "client", g.client(c).String(), "kind", string(p.Code), "err", p.Detail)
	}
	if value := p.RetryAfterHeader(); value != "" {
		c.Set(fiber.HeaderRetryAfter, value)
	}
	if p.Code == wol.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="wolgate"`)
	}
	return c.Status(p.Status).JSON(p.For(requestID(c)), problem.ContentType)
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
