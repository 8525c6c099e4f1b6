package gateway

import (
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/ratelimit"
	"wolgate/internal/wol"
)

// maxKeys is how many keys have a bucket of their own at a time. Only a key that
// authenticates has one, so this is far more than there will be.
const maxKeys = 4096

// Headers of draft-ietf-httpapi-ratelimit-headers. They tell a client how much
// it may still ask before it is refused.
const (
	headerRateLimit       = "RateLimit"
	headerRateLimitPolicy = "RateLimit-Policy"
)

// newKeyLimits returns the bucket of each key, or nil for no limit.
func newKeyLimits(perSecond float64, burst int) *ratelimit.Table[string] {
	if perSecond <= 0 {
		return nil
	}
	return ratelimit.NewTable[string](ratelimit.Rate{PerSecond: perSecond, Burst: burst}, maxKeys)
}

// How many bodies of more than 4 KiB a key may send, and all keys together. Each is kept in
// memory whole before any handler sees it, up to 128 KiB for the 5 seconds that it may take:
// at most 18 MiB for one key, and 36 MiB for all.
const (
	largeBurst        = 64
	largePerSecond    = 16
	allLargeBurst     = 2 * largeBurst
	allLargePerSecond = 2 * largePerSecond
)

// bodyLimits limits large bodies; nil is no limit.
type bodyLimits struct{ each, all *ratelimit.Table[string] }

func newBodyLimits() *bodyLimits {
	return &bodyLimits{newKeyLimits(largePerSecond, largeBurst), newKeyLimits(allLargePerSecond, allLargeBurst)}
}

// take reports whether a key may send one more.
func (l *bodyLimits) take(key string) bool {
	return l == nil || !l.all.Empty("") && l.each.Take(key).OK && l.all.Take("").OK
}

// spent reports whether a key may send none now.
func (l *bodyLimits) spent(key string) bool {
	return l != nil && (l.each.Empty(key) || l.all.Empty(""))
}

// limit refuses a key that asks too often. It counts the key and not the
// address: forwarding headers change nothing, and neighbours are not punished.
func (g *gateway) limit(c *fiber.Ctx) error {
	if g.limits == nil {
		return c.Next()
	}
	d := g.limits.Take(callOf(c).caller.Grant)
	writeLimit(c, "key", d)
	if !d.OK {
		g.Observe.Limited(KeyLimit)
		return g.refuse(c, audit.RateLimitExceeded, &wol.Error{Kind: wol.RateLimited, RetryAfter: d.RetryAfter,
			Message: "this key has asked too often: wait as long as Retry-After says; its burst is " + strconv.Itoa(d.Limit) + " requests"})
	}
	return c.Next()
}

// writeLimit sets the headers that say what is left of a limit: r more requests, and one
// more after t seconds, of q in w seconds.
func writeLimit(c *fiber.Ctx, name string, d ratelimit.Decision) {
	c.Set(headerRateLimit, `"`+name+`";r=`+strconv.Itoa(d.Remaining)+`;t=`+seconds(d.Reset))
	c.Set(headerRateLimitPolicy, `"`+name+`";q=`+strconv.Itoa(d.Limit)+`;w=`+seconds(d.Window))
}

// seconds rounds up, as Retry-After does: rounded down, a client would come back
// too early.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10) }
