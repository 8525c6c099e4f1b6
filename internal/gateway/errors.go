package gateway

import (
	"errors"

	"github.com/gofiber/fiber/v2"

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
		return invalid("the request head is larger than 8 KiB: send fewer or shorter headers")
	case fiber.StatusRequestTimeout:
		return invalid("the request did not arrive whole within 5 seconds: send it again")
	}
	if e.Code >= 400 && e.Code < 500 {
		return invalid("the request is not well-formed HTTP/1.1")
	}
	return &wol.Error{Kind: wol.Internal}
}
