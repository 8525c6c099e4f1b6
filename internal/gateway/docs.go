package gateway

import (
	_ "embed"
	"fmt"

	"github.com/gofiber/fiber/v2"
	fiberSwagger "github.com/swaggo/fiber-swagger"
	"github.com/valyala/fasthttp"

	"wolgate/docs"
	"wolgate/internal/fasthttpd"
)

// The page and its start-up script stand in front of fiber-swagger's own, which
// load a font from elsewhere and need an inline script.
var (
	//go:embed ui/index.html
	indexHTML string
	//go:embed ui/init.js
	initJS string
)

// assets is what the page loads of Swagger UI. fiber-swagger serves it, out of
// ui/dist, which go.mod puts in the place of the files that it would bring.
var assets = []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"}

// docsPolicy lets the page load and call nothing but this server. Styles need no
// 'unsafe-inline': Swagger UI sets them by script, which style-src leaves alone.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDocs serves Swagger UI at /swagger/. Redirects are relative, so that they
// hold under whatever path a proxy has mounted us.
func mountDocs(app *fiber.App) {
	redirect := func(c *fiber.Ctx) error { return c.Redirect("swagger/", fiber.StatusFound) }
	page := func(kind, content string) fiber.Handler {
		serve := serveStatic("no-store", func() (string, []byte, error) { return kind, []byte(content), nil })
		return func(c *fiber.Ctx) error {
			c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
			return serve(c)
		}
	}
	app.Get("/", redirect)
	app.Get("/swagger", redirect)
	app.Get("/swagger/", page(fiber.MIMETextHTMLCharsetUTF8, indexHTML))
	app.Get("/swagger/index.html", page(fiber.MIMETextHTMLCharsetUTF8, indexHTML))
	app.Get("/swagger/init.js", page(fiber.MIMETextJavaScriptCharsetUTF8, initJS))
	app.Get("/swagger/doc.json", page(fiber.MIMEApplicationJSON, withExamples(docs.OpenAPI)))
	files := fiberSwagger.FiberWrapHandler()
	for _, name := range assets {
		path := "/swagger/" + name
		app.Get(path, serveStatic("public, max-age=3600", func() (string, []byte, error) { return asset(app, files, path) }))
	}
}

// asset returns what next answers to one request of our own. If next answered the first
// client's request, HEAD, Range or If-Match of that one would decide for all; if it
// answered each, every client that reads slowly would hold a copy of a megabyte.
func asset(app *fiber.App, next fiber.Handler, path string) (kind string, body []byte, err error) {
	response, err := fasthttpd.Once(func(ctx *fasthttp.RequestCtx) error {
		c := app.AcquireCtx(ctx)
		defer app.ReleaseCtx(c)
		return next(c)
	}, path)
	if err == nil && response.StatusCode() != fiber.StatusOK {
		err = fmt.Errorf("%s: status %d", path, response.StatusCode())
	}
	return string(response.Header.ContentType()), response.Body(), err
}
