package gateway

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/wol"
)

// What is said here is said before a key is known, or after it was found invalid. It
// depends on the shape of the request alone, never on a key.

// misspelt returns what is wrong with an Authorization header that cannot hold a key as it
// is written, or "" for the general text.
func misspelt(header *fasthttp.RequestHeader) string {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(string(header.Peek(fiber.HeaderAuthorization))), " ")
	again, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	switch {
	case strings.EqualFold(scheme, "Basic") && len(header.Peek("X-API-Key")) == 0:
		return "the Authorization header holds a Basic login, as proxies ask for, and no key: send the key as X-API-Key: KEY"
	case strings.EqualFold(scheme, "Bearer:"), strings.EqualFold(again, "Bearer:"):
		return "the Authorization header has a colon after Bearer: write Authorization: Bearer KEY"
	case strings.EqualFold(scheme, "Bearer") && strings.EqualFold(again, "Bearer"):
		return "the Authorization header says Bearer twice: write Authorization: Bearer KEY"
	}
	return ""
}

// misrouted returns err, or what is wrong with a request that no route takes.
func misrouted(c *fiber.Ctx, err error) error {
	e, ok := errors.AsType[*fiber.Error](err)
	if !ok {
		return err
	}
	path := c.Path()
	switch {
	case e.Code == fiber.StatusMethodNotAllowed && c.Method() == fiber.MethodGet && strings.HasPrefix(path, bulkPath):
		return &wol.Error{Kind: wol.MethodNotAllowed, Message: "a wake is a POST, and this is a GET: where a POST was sent, a redirect such as from http to https has changed it, so call the address that it leads to"}
	case e.Code == fiber.StatusNotFound && strings.Contains(path, "//"):
		return &wol.Error{Kind: wol.NotFound, Message: "there is nothing at this path, which has two slashes in a row: write one"}
	case e.Code == fiber.StatusNotFound && len(path) > 1 && strings.HasSuffix(path, "/"):
		return &wol.Error{Kind: wol.NotFound, Message: "there is nothing at this path, which ends with a slash: omit it"}
	}
	return err
}
