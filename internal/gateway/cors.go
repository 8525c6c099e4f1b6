package gateway

import (
	"slices"

	"github.com/gofiber/fiber/v2"
)

// allowOrigin lets pages of the listed origins read the answer. It is set for every answer,
// refusals of the parser included: without it a page sees a network error (Fetch standard, CORS
// protocol). fasthttp keeps no origin of a head that it cannot parse, nor where the body does
// not arrive whole; those answers stay without.
func (g *gateway) allowOrigin(c *fiber.Ctx) {
	if len(g.CORSOrigins) == 0 {
		return
	}
	c.Vary(fiber.HeaderOrigin)
	if origin := c.Get(fiber.HeaderOrigin); slices.Contains(g.CORSOrigins, origin) {
		c.Set(fiber.HeaderAccessControlAllowOrigin, origin)
		c.Set(fiber.HeaderAccessControlExposeHeaders, "X-Request-ID,Retry-After,RateLimit,RateLimit-Policy")
	}
}

// preflight answers a browser that asks whether a page of a listed origin may call.
func (g *gateway) preflight(c *fiber.Ctx) error {
	asks := c.Method() == fiber.MethodOptions && c.Get(fiber.HeaderAccessControlRequestMethod) != ""
	if !asks || !slices.Contains(g.CORSOrigins, c.Get(fiber.HeaderOrigin)) {
		return c.Next()
	}
	c.Set(fiber.HeaderAccessControlAllowMethods, "GET,POST")
	c.Set(fiber.HeaderAccessControlAllowHeaders, "Authorization,X-API-Key,Content-Type,X-Request-ID")
	c.Set(fiber.HeaderAccessControlMaxAge, "600")
	return c.SendStatus(fiber.StatusNoContent)
}
