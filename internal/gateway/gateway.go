// Package gateway is the public HTTP API, and the only package that knows
// Fiber. It lets in who holds a key, parses what they ask for, and passes it to
// a wol.Waker; where packets go is not its business.
package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/valyala/fasthttp"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/problem"
	"wolgate/internal/ratelimit"
	"wolgate/internal/wol"
)

// Limits of one request, enforced before any handler runs.
const (
	maxBody      = 128 << 10 // 1000 targets with SecureOn take about 70 kB
	maxOptions   = 4 << 10   // body of a request for one target
	maxHead      = 8 << 10
	readTimeout  = 5 * time.Second // for the whole request, which is what ends a slow sender
	writeTimeout = 10 * time.Second
	idleTimeout  = 30 * time.Second
	// How many connections fasthttp serves at a time. How many there are is for the
	// listener to limit, well below this: past it, fasthttp says 503 in plain text.
	maxConcurrent = 8192
)

// Options is what the gateway needs from its surroundings.
type Options struct {
	// Context is that of every call below; a Fiber request has none that would
	// end with its client. When it ends, so do the calls.
	Context context.Context
	// Waker sends, with a deadline of its own.
	Waker wol.Waker
	// Interfaces and Ready ask the daemon, with deadlines of their own, on behalf
	// of the request with this id.
	Interfaces func(ctx context.Context, requestID string) (wol.Interfaces, error)
	Ready      func(ctx context.Context, requestID string) error
	// Keys returns the set that is valid now.
	Keys func() *apikey.Set
	// Rate is how many requests a second a key may make, Burst how many at
	// once; a Rate of 0 lifts the limit.
	Rate  float64
	Burst int
	// Docs serves Swagger UI and the OpenAPI document.
	Docs bool
	// CORSOrigins are the exact origins whose pages may call; none by default.
	CORSOrigins []string
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Observe counts for the operator.
	Observe Observer
	Log     *slog.Logger
	// Audit is told of every wake and every refusal.
	Audit *audit.Log
}

// public is the access class of a route that needs no key.
const public apikey.Scope = ""

// middleware names what Fiber counts as routes and we do not.
const middleware = "middleware"

type route struct {
	method, path string
	scope        apikey.Scope
	handle       fiber.Handler
}

// routes is the whole API; whatever is not listed is 404 or 405.
func (g *gateway) routes() []route {
	return []route{
		{fiber.MethodPost, "/api/v1/wol/:mac_addr", apikey.Wake, g.wakeOne},
		{fiber.MethodPost, bulkPath, apikey.Wake, g.wakeMany},
		{fiber.MethodGet, "/api/v1/interfaces", apikey.Admin, g.interfaces},
		{fiber.MethodGet, "/healthz", public, g.healthz},
		{fiber.MethodGet, "/readyz", public, g.readyz},
	}
}

type gateway struct {
	Options
	limits *ratelimit.Table[string] // nil for none
	large  *ratelimit.Table[string] // of large bodies; nil where there are no limits
	tries  *ratelimit.Table[netip.Prefix]
	pulse  pulse
	hidden hidden
}

// Server is the public HTTP server.
type Server struct {
	app    *fiber.App
	silent *silent
}

// Serve answers on l until Shutdown; its error is nil after that.
func (s *Server) Serve(l net.Listener) error {
	return s.app.Listener(listener{Listener: l, silent: s.silent})
}

// Shutdown stops listening and gives requests under way as long as grace to be
// answered. The error says that some were not; they end with the process.
func (s *Server) Shutdown(grace time.Duration) error {
	s.silent.close()
	return s.app.ShutdownWithTimeout(grace)
}

// New returns a server that is ready to be given a listener.
func New(o Options) *Server {
	g := &gateway{Options: o, limits: newKeyLimits(o.Rate, o.Burst), tries: newTries()}
	if g.limits != nil {
		g.large = newKeyLimits(largePerSecond, largeBurst)
	}
	app := fiber.New(fiber.Config{
		CaseSensitive:           true, // one spelling a route
		StrictRouting:           true,
		BodyLimit:               maxBody,
		ReadBufferSize:          maxHead,
		ReadTimeout:             readTimeout,
		WriteTimeout:            writeTimeout,
		IdleTimeout:             idleTimeout,
		Concurrency:             maxConcurrent,
		ErrorHandler:            g.fail,
		EnableTrustedProxyCheck: true, // with an empty list: Fiber itself believes no one
		DisableStartupMessage:   true,
		// A form would be parsed, and large files of it written to disk, before any
		// handler; no route takes one.
		DisablePreParseMultipartForm: true,
	})
	app.Server().Logger = quiet{}
	app.Server().HeaderReceived = g.headReceived
	app.Use(g.begin).Name(middleware)
	if len(o.CORSOrigins) > 0 {
		app.Use(cors.New(cors.Config{
			AllowOrigins:  strings.Join(o.CORSOrigins, ","),
			AllowMethods:  "GET,POST",
			AllowHeaders:  "Authorization,Content-Type,X-Request-ID",
			ExposeHeaders: "X-Request-ID,Retry-After,RateLimit,RateLimit-Policy",
			MaxAge:        600,
		})).Name(middleware)
	}
	for _, r := range g.routes() {
		handlers := []fiber.Handler{r.handle}
		if r.scope != public {
			handlers = []fiber.Handler{g.authenticate, g.limit, g.require(r.scope), r.handle}
		}
		app.Add(r.method, r.path, handlers...)
		if r.method == fiber.MethodGet { // RFC 9110 section 9.1: a server has both
			app.Add(fiber.MethodHead, r.path, handlers...)
		}
	}
	if o.Docs {
		mountDocs(app)
	}
	app.Server().Handler = g.knownMethods(app)
	return &Server{app: app, silent: &silent{conns: map[net.Conn]struct{}{}}}
}

// knownMethods refuses a method that Fiber has no name for. Left to it, such a
// request would be answered in plain text before any handler runs. CONNECT is
// refused with them: its target is an address and no path (RFC 9112 section
// 3.2.3), so there is no route to look for.
func (g *gateway) knownMethods(app *fiber.App) fasthttp.RequestHandler {
	next, known := app.Handler(), app.Config().RequestMethods
	return func(ctx *fasthttp.RequestCtx) {
		if method := string(ctx.Method()); method != fiber.MethodConnect && slices.Contains(known, method) {
			next(ctx)
			return
		}
		c := app.AcquireCtx(ctx)
		defer app.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, "GET, HEAD, POST")
		_ = g.fail(c, problem.New(wol.MethodNotAllowed, ""))
	}
}

// quiet drops what fasthttp logs of its own accord: broken requests, quoted with
// the keys that they may hold.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
