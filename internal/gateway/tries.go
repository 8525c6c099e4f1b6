package gateway

import (
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/problem"
	"wolgate/internal/ratelimit"
	"wolgate/internal/wol"
)

// How many requests without a valid key one source may make. Nobody finds a key
// by trying, there are too many of them; the limit keeps those who try from
// filling the log. The burst is for a person who mistypes and for a client that
// still has yesterday's key; after it, one line in ten seconds is enough to see
// that somebody goes on.
const (
	triesBurst     = 10
	triesPerSecond = 0.1
	triesSources   = 65_536 // 4 MiB, however many come
)

func newTries() *ratelimit.Table[netip.Prefix] {
	return ratelimit.NewTable[netip.Prefix](ratelimit.Rate{PerSecond: triesPerSecond, Burst: triesBurst}, triesSources)
}

// failedTry counts a request without a valid key and returns its refusal. It
// comes after the key has been looked at and never before: a valid key always
// passes, whatever others have tried from the same address.
func (g *gateway) failedTry(c *fiber.Ctx) error {
	d := g.tries.Take(ratelimit.Source(g.client(c)))
	if d.OK {
		return problem.New(wol.Unauthenticated, "")
	}
	tellLimit(c, "tries", d)
	c.Locals(localQuiet, true)
	return &wol.Error{Kind: wol.RateLimited, RetryAfter: d.RetryAfter,
		Message: "too many requests without a valid key from this address: send a valid one, which is never refused for this, or wait as long as Retry-After says"}
}
