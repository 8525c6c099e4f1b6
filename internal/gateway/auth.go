package gateway

import (
	"bytes"
	"slices"
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

// headerKey is for a key whose request needs Authorization for a proxy.
const headerKey = "X-API-Key"

// credential returns the one key that a request presents, or "" for none:
//
//	Authorization: Bearer KEY
//	Authorization: KEY
//	X-API-Key: KEY
//
// The scheme's case does not matter (RFC 9110 section 11.1). Two credentials
// are refused, because a proxy and we might each believe another one; but a Basic login
// beside X-API-Key is the proxy's, which passes it on, and never one of ours. A query
// is refused, because URLs end up in logs and histories.
func credential(header *fasthttp.RequestHeader) (string, error) {
	if bytes.IndexByte(header.RequestURI(), '?') >= 0 {
		return "", &wol.Error{Kind: wol.Invalid, Message: "this route takes no query: omit the question mark and what follows it. If a key was there, replace it, because URLs are logged, and send it as Authorization: Bearer KEY"}
	}
	values := slices.Clone(header.PeekAll(fiber.HeaderAuthorization)) // the next call reuses its memory
	keys := header.PeekAll(headerKey)
	if len(keys) == 1 && len(values) == 1 && isBasic(values[0]) {
		values = nil
	}
	if values = append(values, keys...); len(values) > 1 {
		return "", &wol.Error{Kind: wol.Invalid, Message: "more than one credential: send the key once, as Authorization: Bearer KEY or as X-API-Key: KEY"}
	}
	if len(values) == 0 {
		return "", nil
	}
	text := strings.TrimSpace(string(values[0]))
	if scheme, key, found := strings.Cut(text, " "); found && len(keys) == 0 && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimLeft(key, " ")
	}
	if strings.Contains(text, ",") { // in no key, and between two in one header
		return "", &wol.Error{Kind: wol.Invalid, Message: "the header holds more than one key: write Authorization: Bearer KEY, or X-API-Key: KEY"}
	}
	return text, nil
}

// isBasic reports whether the value of an Authorization header is a login (RFC 7617).
func isBasic(value []byte) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(string(value)), " ")
	return strings.EqualFold(scheme, "Basic")
}
