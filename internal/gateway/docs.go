package gateway

import (
	"bytes"
	_ "embed"
	"sync"

	"github.com/gofiber/fiber/v2"
	fiberSwagger "github.com/swaggo/fiber-swagger"

	"wolgate/docs"
)

// The page and its start-up script stand in front of fiber-swagger's own, which
// load a font from elsewhere and need an inline script.
var (
	//go:embed ui/index.html
	indexHTML string
	//go:embed ui/init.js
	initJS string
)

// docsPolicy lets the page load and call nothing but this server. Swagger UI
// sets style attributes, hence 'unsafe-inline' for styles.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDocs serves Swagger UI at /swagger/. Redirects are relative, so that they
// hold under whatever path a proxy has mounted us.
func mountDocs(app *fiber.App) {
	redirect := func(c *fiber.Ctx) error { return c.Redirect("swagger/", fiber.StatusFound) }
	page := func(kind, content string) fiber.Handler {
		return func(c *fiber.Ctx) error {
			c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
			c.Set(fiber.HeaderContentType, kind)
			return c.SendString(content)
		}
	}
	app.Get("/", redirect)
	app.Get("/swagger", redirect)
	app.Get("/swagger/", page(fiber.MIMETextHTMLCharsetUTF8, indexHTML))
	app.Get("/swagger/index.html", page(fiber.MIMETextHTMLCharsetUTF8, indexHTML))
	app.Get("/swagger/init.js", page(fiber.MIMETextJavaScriptCharsetUTF8, initJS))
	app.Get("/swagger/doc.json", page(fiber.MIMEApplicationJSON, docs.OpenAPI))
	// Only what the page loads, and by GET: fiber-swagger would serve source maps
	// of several megabytes as well.
	assets := fiberSwagger.FiberWrapHandler()
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"} {
		app.Get("/swagger/"+name, once(assets))
	}
}

// once asks next for a file the first time only and hands out that one copy. A
// copy for each response would let anybody who reads slowly hold megabytes.
func once(next fiber.Handler) fiber.Handler {
	var mu sync.Mutex
	var kind string
	var content []byte
	load := func(c *fiber.Ctx) error {
		mu.Lock()
		defer mu.Unlock()
		if content != nil {
			return nil
		}
		c.Request().Header.Del(fiber.HeaderRange) // the whole file, whoever asks first
		c.Request().Header.SetMethod(fiber.MethodGet)
		if err := next(c); err != nil {
			return err
		}
		kind, content = string(c.Response().Header.ContentType()), bytes.Clone(c.Response().Body())
		return nil
	}
	return func(c *fiber.Ctx) error {
		if err := load(c); err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, kind)
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		c.Response().SetBodyRaw(content)
		return nil
	}
}
