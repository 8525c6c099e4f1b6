package gateway

import (
	_ "embed"

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
		app.Get("/swagger/"+name, assets)
	}
}
