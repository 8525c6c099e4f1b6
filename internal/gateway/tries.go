package gateway

import (
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/problem"
	"wolgate/internal/ratelimit"
	"wolgate/internal/wol"
)

// How many requests without a valid key one source may make. A key cannot be found by
// trying, there are too many; the limit tells clients that go on that it is noticed. The
// burst is for a person who mistypes and for a client that still has yesterday's key.
const (
	triesBurst     = 10
	triesPerSecond = 0.1
	triesSources   = 65_536 // 2.3 MiB, however many come
)

func newTries() *ratelimit.Table[netip.Prefix] {
	return ratelimit.NewTable[netip.Prefix](ratelimit.Rate{PerSecond: triesPerSecond, Burst: triesBurst}, triesSources)
}

// failedTry counts a request without a valid key and returns its refusal. It
// comes after the key has been looked at and never before: a valid key always
// passes, whatever others have tried from the same address. who is known only where
// the key has expired.
func (g *gateway) failedTry(c *fiber.Ctx, who wol.Caller, presented bool) error {
	call := callOf(c)
	who.Via, who.Source = call.caller.Via, call.caller.Source
	reason := wol.InvalidKey
	switch {
	case !presented:
		reason = wol.NoKey
	case who.Grant != "":
		reason = wol.ExpiredKey
	}
	g.Observe.Denied(reason)
	err := &wol.Error{Kind: wol.Unauthenticated, Message: misspelt(&c.Request().Header)}
	if d := g.tries.Take(ratelimit.Source(who.Source)); !d.OK {
		g.Observe.Limited(TryLimit)
		writeLimit(c, "tries", d)
		err = &wol.Error{Kind: wol.RateLimited, RetryAfter: d.RetryAfter,
			Message: "too many requests without a valid key from this address: send a valid one, which is never refused for this, or wait as long as Retry-After says"}
	}
	g.auditTry(c, who, err)
	return err
}

// auditTry records a failed try.
func (g *gateway) auditTry(c *fiber.Ctx, who wol.Caller, err error) {
	event := audit.Event{Name: audit.LoginFail, RequestID: callOf(c).id, By: who, Route: routeOf(c), Detail: problem.From(err).Detail}
	if who.Grant != "" {
		event.Detail = "the key has expired"
	}
	g.Audit.Event(event)
}
