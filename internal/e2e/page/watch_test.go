package page

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// watch keeps what a page does that ours must not do.
type watch struct {
	origin string // scheme://host:port, and the path that is ours, without the last slash

	mu       sync.Mutex
	faults   []string
	refusals []string // answers from 400 on, such as "401 POST /api/v1/wol"
	loaded   []string // what was asked for with GET, below origin
	methods  map[network.RequestID]string
}

// tell has a page say on its console what its policy refused. Chromium says so by
// itself too; two witnesses are better.
const tell = `addEventListener("securitypolicyviolation",
	e => console.error("securitypolicyviolation", e.effectiveDirective, e.blockedURI))`

// observe watches a tab from before its first request on.
func observe(t *testing.T, ctx context.Context, origin string) *watch {
	t.Helper()
	w := &watch{origin: origin, methods: map[network.RequestID]string{}}
	chromedp.ListenTarget(ctx, w.see)
	chromedp.ListenBrowser(ctx, w.started)
	err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(), audits.Enable(),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(tell).Do(ctx)
			return err
		}))
	if err != nil {
		t.Fatalf("watch the browser: %v", err)
	}
	return w
}

// see judges one event.
func (w *watch) see(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.request(e)
	case *network.EventResponseReceived:
		w.response(e)
	case *network.EventLoadingFailed:
		w.fault("did not load: %s %s %s", e.Type, e.ErrorText, e.BlockedReason)
	case *network.EventWebSocketCreated:
		w.fault("opened a web socket: %s", e.URL)
	case *network.EventWebTransportCreated:
		w.fault("opened a web transport: %s", e.URL)
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, argument := range e.Args {
			words = append(words, string(argument.Value)+argument.Description)
		}
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			w.fault("console: %s", strings.Join(words, " "))
		}
	case *runtime.EventExceptionThrown:
		w.fault("exception: %v", e.ExceptionDetails)
	case *log.EventEntryAdded:
		// An answer from 400 on is in the log also, and judged as an answer.
		answered := e.Entry.Source == log.SourceNetwork && strings.Contains(e.Entry.Text, "the server responded with a status of")
		if serious := e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning || e.Entry.Source == log.SourceSecurity; serious && !answered {
			w.fault("log: %s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		w.issue(e.Issue)
	case *target.EventAttachedToTarget:
		// What runs beside the page could ask for things that this watch does not see.
		w.fault("started a %s: %s", e.TargetInfo.Type, e.TargetInfo.URL)
	}
}

// started judges what the browser says beyond the page: of windows that the page has
// opened, and of workers that are not its own only.
func (w *watch) started(event any) {
	if e, ok := event.(*target.EventTargetCreated); ok && (e.TargetInfo.OpenerID != "" || strings.HasSuffix(e.TargetInfo.Type, "worker")) {
		w.fault("started a %s: %s", e.TargetInfo.Type, e.TargetInfo.URL)
	}
}

func (w *watch) request(e *network.EventRequestWillBeSent) {
	path, ours := strings.CutPrefix(e.Request.URL, w.origin)
	switch {
	case strings.HasPrefix(e.Request.URL, "data:") && e.Type == network.ResourceTypeImage:
		return // the arrows of Swagger UI, which its style sheet holds; no request leaves
	case e.Request.URL == "about:blank":
		return // where the tests leave the page
	case !ours || path != "" && path[0] != '/':
		w.fault("asked another origin: %s %s", e.Request.Method, e.Request.URL)
		return
	}
	address, err := url.Parse(e.Request.URL)
	if err != nil || strings.HasSuffix(address.Path, ".map") {
		w.fault("asked for a source map: %s", e.Request.URL)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.methods[e.RequestID] = e.Request.Method
	if plain, _, _ := strings.Cut(path, "?"); e.Request.Method == "GET" && !slices.Contains(w.loaded, plain) {
		w.loaded = append(w.loaded, plain)
	}
}

func (w *watch) response(e *network.EventResponseReceived) {
	path, ours := strings.CutPrefix(e.Response.URL, w.origin)
	if !ours {
		return // the request was judged
	}
	if header(e.Response.Headers, "X-Content-Type-Options") != "nosniff" {
		w.fault("no nosniff: %s", e.Response.URL)
	}
	if e.Type == network.ResourceTypeDocument && !strings.HasPrefix(header(e.Response.Headers, "Content-Security-Policy"), "default-src 'none'; script-src 'self'; ") {
		w.fault("no policy: %s", e.Response.URL)
	}
	if e.Response.Status >= 400 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refusals = append(w.refusals, fmt.Sprintf("%d %s %s", e.Response.Status, w.methods[e.RequestID], path))
	}
}

// header looks a header up without regard to case, as HTTP has it.
func header(headers network.Headers, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// issue keeps what Chromium finds wrong with security and not its advice on forms.
func (w *watch) issue(i *audits.InspectorIssue) {
	switch d := i.Details; {
	case d.ContentSecurityPolicyIssueDetails != nil:
		v := d.ContentSecurityPolicyIssueDetails
		w.fault("policy: %s %s %s", v.ViolatedDirective, v.ContentSecurityPolicyViolationType, v.BlockedURL)
	case d.MixedContentIssueDetails != nil:
		w.fault("mixed content: %s", d.MixedContentIssueDetails.InsecureURL)
	case d.BlockedByResponseIssueDetails != nil, d.CorsIssueDetails != nil, d.CookieIssueDetails != nil, d.DeprecationIssueDetails != nil:
		w.fault("issue: %s", i.Code)
	}
}

func (w *watch) fault(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, a...))
}

// report fails the test for every fault so far.
func (w *watch) report(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fault := range w.faults {
		t.Errorf("the page %s", fault)
	}
}

func (w *watch) saw(fault string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.faults, func(f string) bool { return strings.HasPrefix(f, fault) })
}

// soFar returns what the page has loaded, and what was refused to it.
func (w *watch) soFar() (loaded, refusals []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.loaded), slices.Clone(w.refusals)
}

// leave goes to an empty page, which ends all that the last one had under way, and
// returns once the events of that one are in.
func leave() chromedp.Action {
	return chromedp.Tasks{chromedp.Navigate("about:blank"), chromedp.Evaluate("0", nil)}
}
