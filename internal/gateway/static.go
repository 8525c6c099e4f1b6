package gateway

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// form is a file as it travels, and the tag by which a client can say that it has it. The
// tags of two forms differ (RFC 9110 section 8.8.3.3).
type form struct {
	body     []byte
	tag      string
	encoding string // "" as it is
}

// static is a file that is the same for everybody.
type static struct {
	kind          string
	plain, packed form // packed is plain where compression does not pay
}

// newStatic compresses body once, so that no client pays for it. The best compression would
// make the bundle of Swagger UI a sixth smaller, and take ten times as long for it.
func newStatic(kind string, body []byte) (static, error) {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:16])
	plain := form{body, `"` + tag + `"`, ""}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil || packed.Len() >= len(body) {
		return static{kind, plain, plain}, err
	}
	return static{kind, plain, form{bytes.Clone(packed.Bytes()), `"` + tag + `-gzip"`, "gzip"}}, nil
}

// serveStatic serves the file that load returns, which is asked once, when the first client
// wants it. All clients read from one copy, however slowly.
func serveStatic(cache string, load func() (kind string, body []byte, err error)) fiber.Handler {
	once := sync.OnceValues(func() (static, error) {
		kind, body, err := load()
		if err != nil {
			return static{}, err
		}
		return newStatic(kind, body)
	})
	return func(c *fiber.Ctx) error {
		file, err := once()
		if err != nil {
			return err
		}
		as := file.plain
		if c.AcceptsEncodings("identity", "gzip") == "gzip" {
			as = file.packed
		}
		c.Vary(fiber.HeaderAcceptEncoding)
		c.Set(fiber.HeaderETag, as.tag)
		c.Set(fiber.HeaderCacheControl, cache)
		// Fresh would believe If-Modified-Since alone, and there is no such date.
		if c.Get(fiber.HeaderIfNoneMatch) != "" && c.Fresh() {
			c.Status(fiber.StatusNotModified)
			return nil
		}
		c.Set(fiber.HeaderContentType, file.kind)
		if as.encoding != "" {
			c.Set(fiber.HeaderContentEncoding, as.encoding)
		}
		c.Response().SetBodyRaw(as.body)
		return nil
	}
}
