package gateway

import (
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/fasthttpd"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// Door is a handler that is served below a path of its own, such as a page. It need not
// know Fiber. Where it needs a key, wol.CallerFrom returns whose it is; a wake that it asks
// for is permitted and recorded by the Waker like any other.
type Door struct {
	Name    string     // what its callers have as Via
	Prefix  string     // such as "/page"; Handler is given the path behind it
	Action  wol.Action // that a key must allow; empty for a door that everybody may use
	Handler http.Handler
}

func (g *gateway) mount(app *fiber.App, d Door) {
	inner := http.StripPrefix(d.Prefix, d.Handler)
	enter := func(c *fiber.Ctx) error {
		callOf(c).caller.Via = d.Name
		return c.Next()
	}
	serve := func(c *fiber.Ctx) error {
		id, caller := callOf(c).id, callOf(c).caller
		fasthttpd.ServeHTTP(wol.WithCaller(g.Context, caller), c.Context(), inner, func(w http.ResponseWriter, panicked string) {
			g.logPanic(id, panicked)
			_ = problem.From(&wol.Error{Kind: wol.Internal}).For(id).Write(w)
		})
		return nil
	}
	handlers := slices.Concat([]fiber.Handler{enter}, g.guard(d.Action), []fiber.Handler{serve})
	app.All(d.Prefix, handlers...)
	app.All(d.Prefix+"/*", handlers...)
}
