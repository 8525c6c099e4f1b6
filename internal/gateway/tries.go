package gateway

import (
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/apikey"
	"wolgate/internal/problem"
	"wolgate/internal/ratelimit"
	"wolgate/internal/wol"
)

// How many requests without a valid key one source may make. Nobody finds a key
// by trying, there are too many of them; the limit tells those who go on that it
// is noticed. The burst is for a person who mistypes and for a client that still
// has yesterday's key.
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
// passes, whatever others have tried from the same address. The principal who is
// the zero one but for a key that has expired.
func (g *gateway) failedTry(c *fiber.Ctx, who apikey.Principal, presented bool) error {
	c.Locals(localFailedTry, who)
	switch {
	case !presented:
		g.Observe.Denied(NoKey)
	case who.ID != "":
		g.Observe.Denied(ExpiredKey)
	default:
		g.Observe.Denied(InvalidKey)
	}
	d := g.tries.Take(ratelimit.Source(client(c)))
	if d.OK {
		return problem.New(wol.Unauthenticated, "")
	}
	g.Observe.Limited(TryLimit)
	tellLimit(c, "tries", d)
	return &wol.Error{Kind: wol.RateLimited, RetryAfter: d.RetryAfter,
		Message: "too many requests without a valid key from this address: send a valid one, which is never refused for this, or wait as long as Retry-After says"}
}
