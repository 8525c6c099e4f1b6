package gateway

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/problem"
)

// refuse records that the request is refused with err, and returns err. It is called where
// that is decided.
func (g *gateway) refuse(c *fiber.Ctx, event audit.Name, err error) error {
	call := callOf(c)
	g.Audit.Event(audit.Event{Name: event, RequestID: call.id, By: call.caller, Route: routeOf(c), Detail: problem.From(err).Detail})
	return err
}

// auditOrigin records that a page from elsewhere calls us. It gets its answer, which its
// browser keeps from it, and without a key that is a 401; but some page knows our address.
func (g *gateway) auditOrigin(c *fiber.Ctx) {
	if len(c.Request().Header.Peek(fiber.HeaderOrigin)) == 0 {
		return
	}
	origin := c.Get(fiber.HeaderOrigin)
	if slices.Contains(g.CORSOrigins, origin) || sameOrigin(c, origin) {
		return
	}
	call := callOf(c)
	g.Audit.Event(audit.Event{Name: audit.CORS, RequestID: call.id, By: call.caller, Route: routeOf(c), Detail: "origin " + origin})
}

// sameOrigin reports whether a request comes from a page of this very service, such as
// the documentation. Browsers say it themselves where the page came by TLS; otherwise
// the Host header tells, unless a proxy has changed it.
func sameOrigin(c *fiber.Ctx, origin string) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, string(c.Request().Header.Host()))
}
