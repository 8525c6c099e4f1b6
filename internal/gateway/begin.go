package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/apikey"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// Keys of what a request carries along in fiber.Ctx.Locals.
const (
	localID        = "request_id"
	localClient    = "client"
	localPrincipal = "principal"
	localFailedTry = "failed_try" // the principal of a key that is not valid, as far as it has one
)

// begin surrounds every request: it gives it an id, keeps a panic from ending
// the process, and writes the one access line.
func (g *gateway) begin(c *fiber.Ctx) error {
	start := time.Now()
	g.prepare(c)
	cause := g.next(c)
	if cause != nil {
		if err := g.fail(c, cause); err != nil {
			return err
		}
	}
	took := time.Since(start)
	// The pattern, not the path: nobody outside can make up new ones.
	route := "none"
	if r := c.Route(); r.Name != middleware {
		route = r.Path
	}
	g.record(c, route, cause, took)
	g.Observe.Request(route, c.Response().StatusCode(), took)
	return nil
}

// prepare sets what every answer carries, those of the HTTP parser included.
func (g *gateway) prepare(c *fiber.Ctx) {
	// Strings of a fiber.Ctx live as long as the request; the id may outlive it.
	id := strings.Clone(wol.RequestID(c.Get(fiber.HeaderXRequestID)))
	c.Locals(localID, id)
	c.Locals(localClient, g.findClient(c))
	c.Set(fiber.HeaderXRequestID, id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-store")
}

func requestID(c *fiber.Ctx) string {
	id, _ := c.Locals(localID).(string)
	return id
}

// next runs the route and turns a panic into an error. A panic that escapes a
// handler would end the whole process (fasthttp does not recover).
func (g *gateway) next(c *fiber.Ctx) (err error) {
	defer func() {
		if value := recover(); value != nil {
			g.Log.Error("panic", "request_id", requestID(c), "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			err = problem.New(wol.Internal, "")
		}
	}()
	if err := plain(c); err != nil {
		return err
	}
	return c.Next()
}

// plain refuses what two readers of a request could understand in two ways: an
// ambiguous head; a fragment, which Fiber drops silently; and a compressed body,
// which it would inflate past every limit.
func plain(c *fiber.Ctx) error {
	if ambiguous(c.Request().Header.RawHeaders()) {
		c.Context().SetConnectionClose() // whose reading of where this request ends is right is not known
		return fiber.ErrBadRequest
	}
	if bytes.IndexByte(c.Request().Header.RequestURI(), '#') >= 0 {
		return problem.New(wol.Invalid, "the path holds a # sign: leave it away")
	}
	if encoding := c.Request().Header.Peek(fiber.HeaderContentEncoding); len(encoding) > 0 {
		return problem.WithStatus(fiber.StatusUnsupportedMediaType, "compressed bodies are not accepted: send the JSON as it is")
	}
	return nil
}

// ambiguous says whether a proxy before us could read the lines of a head in another
// way than fasthttp does. It takes a line that ends without CR for the end of a header,
// and one that begins with a space for more of the last (obsolete folding, RFC 9112
// section 5.2), it goes by the length beside Transfer-Encoding: identity, and of two
// media types it takes the last.
func ambiguous(raw []byte) bool {
	types := 0
	for line := range bytes.Lines(raw) {
		if bytes.HasSuffix(line, []byte("\n")) && !bytes.HasSuffix(line, []byte("\r\n")) || line[0] == ' ' || line[0] == '\t' {
			return true
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding)) && !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")):
			return true
		case bytes.EqualFold(name, []byte(fiber.HeaderContentType)):
			types++
		}
	}
	return types > 1
}

// record writes the access line, and tells the audit log. Nobody without a key can
// write more than the audit log lets him: his access lines are for debugging.
func (g *gateway) record(c *fiber.Ctx, route string, cause error, took time.Duration) {
	who, known := c.Locals(localPrincipal).(apikey.Principal)
	status := c.Response().StatusCode()
	level := slog.LevelInfo
	switch {
	case status == fiber.StatusInternalServerError: // ours, whoever asked
		level = slog.LevelError
	case !known, status == fiber.StatusTooManyRequests:
		level = slog.LevelDebug
	case status >= 500:
		level = slog.LevelError
	case status >= 400:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("request_id", requestID(c)), slog.String("method", c.Method()), slog.String("route", route),
		slog.Int("status", status), slog.Int64("took_ms", took.Milliseconds()), slog.String("client", client(c).String()),
	}
	if known {
		attrs = append(attrs, slog.String("key_id", who.ID), slog.String("key", who.Name))
	}
	if cause != nil {
		p := problemOf(cause)
		attrs = append(attrs, slog.String("kind", string(p.Code)), slog.String("err", cause.Error()))
		g.auditRefusal(c, route, p)
	}
	g.auditOrigin(c, route)
	g.Log.LogAttrs(c.Context(), level, "request", attrs...)
}
