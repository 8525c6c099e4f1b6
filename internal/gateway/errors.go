package gateway

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// fail answers with the problem that err stands for.
func (g *gateway) fail(c *fiber.Ctx, err error) error {
	err = ourError(err)
	if callOf(c) == nil { // the parser refuses, or KnownMethods
		g.newCall(c)
		err = g.refusedEarly(c, err)
	}
	p := problem.From(err).For(callOf(c).id)
	if value := p.RetryAfterHeader(); value != "" {
		c.Set(fiber.HeaderRetryAfter, value)
	}
	if p.Code == wol.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="wolgate"`)
	}
	return c.Status(p.Status).JSON(p, problem.ContentType)
}

const malformed = "the request is not well-formed HTTP/1.1"

// ourError gives the framework's own errors our words. Theirs are neither shown nor
// logged: those of the parser quote the request head, keys included.
func ourError(err error) error {
	e, ok := errors.AsType[*fiber.Error](err)
	if !ok {
		return err
	}
	invalid := func(message string) error {
		return &wol.Error{Kind: wol.Invalid, Status: e.Code, Message: message}
	}
	switch e.Code {
	case fiber.StatusNotFound:
		return &wol.Error{Kind: wol.NotFound}
	case fiber.StatusMethodNotAllowed:
		return &wol.Error{Kind: wol.MethodNotAllowed}
	case fiber.StatusRequestEntityTooLarge:
		return invalid("the body is too large: 4 KiB are read, and 128 KiB of POST /api/v1/wol with a valid key")
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return invalid("the request head is larger than 32 KiB: send fewer or shorter headers, such as cookies")
	case fiber.StatusRequestTimeout:
		return invalid("the request did not arrive whole within 5 seconds: send it again")
	}
	if strings.Contains(e.Message, fasthttp.ErrDuplicateContentLength.Error()) {
		return invalid(malformed + ": it has two Content-Length headers: send none of your own, HTTP libraries add one")
	}
	if e.Code >= 400 && e.Code < 500 {
		return invalid(malformed)
	}
	return &wol.Error{Kind: wol.Internal}
}
