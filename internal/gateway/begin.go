package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/fasthttpd"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// begin surrounds every request: it gives it an id, keeps a panic from ending
// the process, and writes the one access line.
func (g *gateway) begin(c *fiber.Ctx) error {
	start := time.Now()
	g.newCall(c).parsed = true
	cause := g.next(c)
	if cause != nil {
		if err := g.fail(c, cause); err != nil {
			return err
		}
	}
	took := time.Since(start)
	g.auditOrigin(c)
	g.logAccess(c, cause, took)
	g.Observe.Request(routeOf(c), c.Response().StatusCode(), took)
	return nil
}

// next runs the route and turns a panic into an error. A panic that escapes a
// handler would end the whole process (fasthttp does not recover).
func (g *gateway) next(c *fiber.Ctx) (err error) {
	defer func() {
		if value := recover(); value != nil {
			g.logPanic(callOf(c).id, fmt.Sprint(value))
			err = &wol.Error{Kind: wol.Internal}
		}
	}()
	if err := unambiguous(c); err != nil {
		return g.refuse(c, audit.InputFail, err)
	}
	return misrouted(c, c.Next())
}

func (g *gateway) logPanic(requestID, value string) {
	g.Log.Error("panic", "request_id", requestID, "panic", value, "stack", string(debug.Stack()))
}

// unambiguous refuses what two readers of a request could understand in two ways: an
// ambiguous head; a fragment, which Fiber drops silently; and a compressed body,
// which it would inflate past every limit.
func unambiguous(c *fiber.Ctx) error {
	if why := fasthttpd.Ambiguous(&c.Request().Header); why != "" {
		c.Context().SetConnectionClose() // a proxy and we may disagree about where this request ends
		return &wol.Error{Kind: wol.Invalid, Message: malformed + ": " + why}
	}
	if bytes.IndexByte(c.Request().Header.RequestURI(), '#') >= 0 {
		return &wol.Error{Kind: wol.Invalid, Message: "the path holds a # sign: omit it"}
	}
	if encoding := c.Request().Header.Peek(fiber.HeaderContentEncoding); len(encoding) > 0 {
		return &wol.Error{Kind: wol.Invalid, Status: fiber.StatusUnsupportedMediaType, Message: "compressed bodies are not accepted: send the JSON as it is"}
	}
	return nil
}

// logAccess writes the access line. Without a valid key it is for debugging only:
// otherwise strangers could fill the disk.
func (g *gateway) logAccess(c *fiber.Ctx, cause error, took time.Duration) {
	call := callOf(c)
	status := c.Response().StatusCode()
	level := slog.LevelInfo
	switch {
	case status == fiber.StatusInternalServerError: // ours, with a key or without
		level = slog.LevelError
	case !call.known(), status == fiber.StatusTooManyRequests:
		level = slog.LevelDebug
	case status >= 500:
		level = slog.LevelError
	case status >= 400:
		level = slog.LevelWarn
	}
	attrs := append(make([]slog.Attr, 0, 10),
		slog.String("request_id", call.id), slog.String("method", c.Method()), slog.String("route", routeOf(c)),
		slog.Int("status", status), slog.Int64("took_ms", took.Milliseconds()), slog.String("client", call.caller.Source.String()))
	if call.known() {
		attrs = append(attrs, slog.String("key_id", call.caller.Grant), slog.String("key", call.caller.Name))
	}
	if cause != nil {
		cause = ourError(cause)
		attrs = append(attrs, slog.String("kind", string(problem.From(cause).Code)), slog.String("err", cause.Error()))
	}
	g.Log.LogAttrs(c.Context(), level, "request", attrs...)
}
