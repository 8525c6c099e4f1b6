package gateway

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// auditWake tells the audit log what became of every target of a call, each once
// as it was sent once.
func (g *gateway) auditWake(c *fiber.Ctx, req wol.Request, receipts []wol.Receipt, err error) {
	line := audit.Wake{RequestID: req.ID, KeyID: principal(c).ID, Source: client(c)}
	if err != nil {
		line.Outcome, line.Code = Outcome(err), string(wol.KindOf(err))
	}
	for i, target := range req.Distinct() {
		line.Target = target.MAC.String()
		if err == nil {
			line.Outcome, line.Packets = audit.Outcome(receipts[i].Status), len(receipts[i].Sent) // the words are the same
		}
		g.Audit.Wake(line)
	}
}

// Outcome is what became of every target of a call that ended with err.
func Outcome(err error) audit.Outcome {
	if e, ok := errors.AsType[*wol.Error](err); ok && e.Unsure {
		return audit.Unknown
	}
	switch wol.KindOf(err) {
	case wol.Invalid, wol.Forbidden, wol.RateLimited:
		return audit.Refused
	case wol.Unavailable, wol.Timeout:
		return audit.Failed
	default: // what went wrong is not known, so neither is how far it got
		return audit.Unknown
	}
}

// auditRefusal tells the audit log of a refusal that whoever defends the service
// wants to know of. A route that does not exist is none, nor is a fault of ours.
func (g *gateway) auditRefusal(c *fiber.Ctx, route string, p *problem.Problem) {
	event := audit.Event{RequestID: requestID(c), KeyID: principal(c).ID, Source: client(c), Route: route, Detail: p.Detail}
	switch who, tried := c.Locals(localFailedTry).(apikey.Principal); {
	case tried:
		event.Name, event.KeyID = audit.LoginFail, who.ID
		if who.ID != "" {
			event.Detail = "the key has expired"
		}
	case p.Code == wol.Forbidden:
		event.Name = audit.AuthzFail
	case p.Code == wol.RateLimited:
		event.Name = audit.RateLimitExceeded
	case p.Code == wol.Invalid:
		event.Name = audit.InputFail
	default:
		return
	}
	g.Audit.Event(event)
}

// auditOrigin tells the audit log of a page from elsewhere that calls us. It gets
// its answer, which its browser keeps from it, and without a key that is a 401; but
// some page has been told where we are.
func (g *gateway) auditOrigin(c *fiber.Ctx, route string) {
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" || slices.Contains(g.CORSOrigins, origin) || sameOrigin(c, origin) {
		return
	}
	g.Audit.Event(audit.Event{Name: audit.CORS, RequestID: requestID(c), KeyID: principal(c).ID, Source: client(c), Route: route, Detail: "origin " + origin})
}

// sameOrigin says whether a request comes from a page of this very service, such as
// the documentation. Browsers say it themselves where the page came by TLS; otherwise
// the Host header tells, unless a proxy has changed it.
func sameOrigin(c *fiber.Ctx, origin string) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, string(c.Request().Header.Host()))
}
