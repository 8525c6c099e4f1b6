package gateway

import (
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/apikey"
)

// The one route that takes a large body, as it stands in a request line.
const bulkPath = "/api/v1/wol"

// What Expect asks (RFC 9110 section 10.1.1), and what it is replaced with where
// the answer is no.
const (
	expectContinue = "100-continue"
	expectRefused  = "refused"
)

// headReceived says how much of a body may be read, before any of it has been.
// fasthttp keeps a whole body in memory before a handler sees the request, so
// that large ones are for those alone whose key is valid: otherwise anybody could
// have us hold 128 KiB a connection.
//
// Expect: 100-continue with a larger body would be told to go on all the same,
// and be refused after that. Without the word it goes the way of every other
// body that is too large: a final answer in our format, and none before it.
func (g *gateway) headReceived(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	limit := maxOptions
	if g.mayBeLarge(header) {
		limit = maxBody
	}
	if header.ContentLength() > limit && string(header.Peek(fiber.HeaderExpect)) == expectContinue {
		header.Set(fiber.HeaderExpect, expectRefused)
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: limit}
}

func (g *gateway) mayBeLarge(header *fasthttp.RequestHeader) bool {
	if string(header.Method()) != fiber.MethodPost || string(header.RequestURI()) != bulkPath || header.ContentLength() == 0 {
		return false
	}
	_, _, valid := g.glance(header)
	return valid
}

// triedKey reports whether a request whose body was not read presents a key that
// is not valid, and whose it was if it has expired.
func (g *gateway) triedKey(header *fasthttp.RequestHeader) (who apikey.Principal, tried bool) {
	who, presented, valid := g.glance(header)
	return who, presented && !valid
}

// glance looks at the key of a request that no handler has yet. Here a panic
// would end the process; where a handler follows, it meets the same one and
// answers it.
func (g *gateway) glance(header *fasthttp.RequestHeader) (who apikey.Principal, presented, valid bool) {
	defer func() {
		if recover() != nil {
			who, presented, valid = apikey.Principal{}, false, false
		}
	}()
	key, err := credential(header)
	if err != nil || key == "" {
		return apikey.Principal{}, false, false
	}
	who, valid = g.Keys().Authenticate(key, time.Now())
	return who, true, valid
}
