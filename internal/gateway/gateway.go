package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/fasthttpd"
	"wolgate/internal/ratelimit"
	"wolgate/internal/room"
	"wolgate/internal/wol"
)

// Limits of one request, enforced before any handler runs.
const (
	maxBody    = 128 << 10 // 1000 targets with SecureOn take about 70 kB
	maxOptions = 4 << 10   // body of a request for one target
	maxHead    = 32 << 10  // an SSO proxy's cookie alone may take 12; costs that for each connection
	// How many connections fasthttp serves at a time. How many there are is for the
	// listener to limit, well below this: past it, fasthttp says 503 in plain text.
	maxConcurrent = 8192
)

// timeouts bound what a client may take.
type timeouts struct {
	read  time.Duration // for the whole request, which is what ends a slow sender
	write time.Duration // for each piece of an answer, which is what ends a client that reads nothing
	idle  time.Duration
}

func defaultTimeouts() timeouts {
	return timeouts{read: 5 * time.Second, write: 10 * time.Second, idle: 30 * time.Second}
}

// Options is what the gateway needs from its surroundings.
type Options struct {
	// Context is that of every call below; a Fiber request has none that would
	// end with its client. When it ends, so do the calls.
	Context context.Context
	// Waker sends, with a deadline of its own. It decides whether the caller of a request
	// may wake its targets, and records what became of them.
	Waker wol.Waker
	// Interfaces and Ready ask the daemon, with deadlines of their own, on behalf
	// of the request with this id.
	Interfaces func(ctx context.Context, requestID string) (wol.Interfaces, error)
	Ready      func(requestID string) error
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
	// Mount are the doors that are served beside the API.
	Mount []Door
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Observe counts for the operator.
	Observe Observer
	Log     *slog.Logger
	// Audit is told of every refusal that is decided here.
	Audit *audit.Log
}

// public is the access class of a route that needs no key.
const public wol.Action = ""

// middleware names what Fiber counts as routes and we do not.
const middleware = "middleware"

type route struct {
	method, path string
	action       wol.Action // that the key must allow
	handle       fiber.Handler
}

// routes is the whole API; whatever is not listed is 404 or 405.
func (g *gateway) routes() []route {
	return []route{
		{fiber.MethodPost, "/api/v1/wol/:mac_addr", wol.Wake, g.wakeOne},
		{fiber.MethodPost, bulkPath, wol.Wake, g.wakeMany},
		{fiber.MethodGet, "/api/v1/interfaces", wol.Admin, g.interfaces},
		{fiber.MethodGet, "/healthz", public, g.healthz},
		{fiber.MethodGet, "/readyz", public, g.readyz},
	}
}

type gateway struct {
	Options
	limits *ratelimit.Table[string] // nil for none
	large  *bodyLimits              // nil where there are no limits
	tries  *ratelimit.Table[netip.Prefix]
	nat    natDetector
	room   *room.Room // for calls that can be large
}

// Server is the public HTTP server.
type Server struct {
	app     *fiber.App
	waiting fasthttpd.Waiting
	write   time.Duration
}

// Serve answers on l until Shutdown; its error is nil after that.
func (s *Server) Serve(l net.Listener) error { return s.app.Listener(s.waiting.Listen(l, s.write)) }

// Shutdown stops listening and gives requests under way as long as grace to be
// answered. The error says that some were not; they end with the process.
func (s *Server) Shutdown(grace time.Duration) error {
	s.waiting.Close()
	return s.app.ShutdownWithTimeout(grace)
}

// New returns a server that is ready to be given a listener.
func New(o Options) *Server { return newServer(o, defaultTimeouts()) }

func newServer(o Options, t timeouts) *Server {
	g := &gateway{Options: o, limits: newKeyLimits(o.Rate, o.Burst), tries: newTries(), room: room.New(mostRoom)}
	if g.limits != nil {
		g.large = newBodyLimits()
	}
	app := fiber.New(fiber.Config{
		CaseSensitive:           true, // one spelling a route
		StrictRouting:           true,
		Immutable:               true, // strings of a request outlive it in logs and stores
		BodyLimit:               maxBody,
		ReadBufferSize:          maxHead,
		ReadTimeout:             t.read,
		IdleTimeout:             t.idle,
		Concurrency:             maxConcurrent,
		ErrorHandler:            g.fail,
		JSONEncoder:             encodeLine,
		EnableTrustedProxyCheck: true, // with an empty list: Fiber itself believes no one
		DisableStartupMessage:   true,
		// A form would be parsed, and large files of it written to disk, before any
		// handler; no route takes one.
		DisablePreParseMultipartForm: true,
	})
	fasthttpd.Quiet(app.Server())
	fasthttpd.LimitBodies(app.Server(), g.bodyLimit)
	fasthttpd.RefuseBareLineFeeds(app.Server())
	app.Use(g.begin, g.preflight).Name(middleware)
	for _, r := range g.routes() {
		handlers := append(g.guard(r.action), r.handle)
		app.Add(r.method, r.path, handlers...)
		if r.method == fiber.MethodGet { // RFC 9110 section 9.1: a server has both
			app.Add(fiber.MethodHead, r.path, handlers...)
		}
	}
	for _, d := range o.Mount {
		g.mount(app, d)
	}
	if o.Docs {
		mountDocs(app)
	}
	app.Server().Handler = fasthttpd.KnownMethods(app.Handler(), func(ctx *fasthttp.RequestCtx) {
		c := app.AcquireCtx(ctx)
		defer app.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, "GET, HEAD, POST")
		_ = g.fail(c, &wol.Error{Kind: wol.MethodNotAllowed})
	}, app.Config().RequestMethods)
	return &Server{app: app, write: t.write}
}

// encodeLine ends what it encodes with a newline, for those who read answers in a terminal.
func encodeLine(answer any) ([]byte, error) {
	text, err := json.Marshal(answer)
	return append(text, '\n'), err
}

// guard returns what stands in front of a handler whose callers need a key that allows
// action, or nothing where they need none.
func (g *gateway) guard(action wol.Action) []fiber.Handler {
	if action == public {
		return nil
	}
	return []fiber.Handler{g.authenticate, g.limit, g.require(action)}
}
