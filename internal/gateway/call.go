package gateway

import (
	"github.com/gofiber/fiber/v2"

	"wolgate/internal/wol"
)

// viaAPI is the door of this package.
const viaAPI = "api"

// call is what a request carries along in Fiber.
type call struct {
	id     string
	caller wol.Caller // with rights once the key has been found valid
	parsed bool       // the request has reached the routes
}

// known reports whether a valid key was presented.
func (c *call) known() bool { return c.caller.Rights != nil }

// admit takes over who presented a valid key.
func (c *call) admit(who wol.Caller) {
	who.Via, who.Source = c.caller.Via, c.caller.Source
	c.caller = who
}

const localCall = "call"

// callOf returns what the request carries along, or nil before begin.
func callOf(c *fiber.Ctx) *call {
	found, _ := c.Locals(localCall).(*call)
	return found
}

// newCall gives the request an id, finds out where it comes from, and sets what every
// answer carries, including answers to what the HTTP parser refuses.
func (g *gateway) newCall(c *fiber.Ctx) *call {
	made := &call{
		id:     wol.RequestID(c.Get(fiber.HeaderXRequestID)),
		caller: wol.Caller{Via: viaAPI, Source: g.clientAddress(c)},
	}
	c.Locals(localCall, made)
	c.Set(fiber.HeaderXRequestID, made.id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-store")
	g.allowOrigin(c)
	return made
}

// routeOf returns the pattern that the request has matched, never its path: clients cannot
// make up patterns. It is "none" where nothing matched, and empty for a request that was
// refused before it was looked at.
func routeOf(c *fiber.Ctx) string {
	if !callOf(c).parsed {
		return ""
	}
	if r := c.Route(); r.Name != middleware {
		return r.Path
	}
	return "none"
}
