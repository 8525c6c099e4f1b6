package gateway

import (
	"bytes"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/audit"
	"wolgate/internal/wol"
)

// authenticate lets a request through whose key is valid.
func (g *gateway) authenticate(c *fiber.Ctx) error {
	call := callOf(c)
	g.nat.note(call.caller.Source, len(c.Request().Header.Peek(fiber.HeaderXForwardedFor)) > 0, g.Log)
	presented, err := credential(&c.Request().Header)
	if err != nil {
		return g.refuse(c, audit.InputFail, err)
	}
	who, ok := g.Keys().Authenticate(presented, time.Now())
	if !ok {
		return g.failedTry(c, who, presented != "")
	}
	call.admit(who)
	return c.Next()
}

// require lets a request through whose key allows action.
func (g *gateway) require(action wol.Action) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if !callOf(c).caller.Has(action) {
			g.Observe.Denied(wol.NoScope)
			c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="wolgate", error="insufficient_scope", scope="`+string(action)+`"`) // RFC 6750 section 3
			return g.refuse(c, audit.AuthzFail, &wol.Error{Kind: wol.Forbidden, Message: "this key does not have the scope " + string(action) + ": use one that has it"})
		}
		return c.Next()
	}
}

// credential returns the one key that a request presents, or "" for none:
//
//	Authorization: Bearer KEY
//	Authorization: KEY
//
// The scheme's case does not matter (RFC 9110 section 11.1). Two credentials
// are refused, because a proxy and we might each believe another one; a query
// is refused, because URLs end up in logs and histories.
func credential(header *fasthttp.RequestHeader) (string, error) {
	if bytes.IndexByte(header.RequestURI(), '?') >= 0 {
		return "", &wol.Error{Kind: wol.Invalid, Message: "this route takes no query: omit the question mark and what follows it. If a key was there, replace it, because URLs are logged, and send it as Authorization: Bearer KEY"}
	}
	values := header.PeekAll(fiber.HeaderAuthorization)
	if len(values)+len(header.PeekAll("X-API-Key")) > 1 {
		return "", &wol.Error{Kind: wol.Invalid, Message: "more than one credential: send one Authorization header"}
	}
	if len(values) == 0 {
		return "", nil
	}
	text := strings.TrimSpace(string(values[0]))
	if scheme, key, found := strings.Cut(text, " "); found && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimLeft(key, " ")
	}
	if strings.Contains(text, ",") { // in no key, and between two in one header
		return "", &wol.Error{Kind: wol.Invalid, Message: "the Authorization header is not one key: write Authorization: Bearer KEY"}
	}
	return text, nil
}
