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
// fasthttp keeps a whole body in memory before a handler sees the request, so that
// large ones are for keys alone that may wake, and for as many as their limit
// allows: otherwise anybody could have us hold 128 KiB a connection.
//
// Expect: 100-continue with a larger body would be told to go on all the same,
// and be refused after that. Without the word it goes the way of every other
// body that is too large: a final answer in our format, and none before it.
func (g *gateway) headReceived(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	limit := maxOptions
	if key, may := g.mayBeLarge(header); may && (g.large == nil || g.large.Take(key).OK) {
		limit = maxBody
	}
	if header.ContentLength() > limit && string(header.Peek(fiber.HeaderExpect)) == expectContinue {
		header.Set(fiber.HeaderExpect, expectRefused)
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: limit}
}

// mayBeLarge says whether a request may have a large body, and whose key it has. A
// body in chunks, which has no length, may be large.
func (g *gateway) mayBeLarge(header *fasthttp.RequestHeader) (key string, may bool) {
	size := header.ContentLength()
	if string(header.Method()) != fiber.MethodPost || string(header.RequestURI()) != bulkPath || size >= 0 && size <= maxOptions || size > maxBody {
		return "", false
	}
	who, _, valid := g.glance(header)
	return who.ID, valid && who.Has(apikey.Wake)
}

// glance looks at the key of a request that no handler has yet, and says whose it
// is, or was before it expired. Here a panic would end the process; where a handler
// follows, it meets the same one and answers it.
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
