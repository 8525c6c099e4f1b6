package page

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The operations of the document, as Swagger UI names them in its page.
const (
	wakeOne  = "#operations-wake-wakeOne"
	wakeMany = "#operations-wake-wakeMany"

	macField  = wakeOne + ` tr[data-param-name="mac_addr"] input`
	bodyField = wakeMany + " textarea.body-param__text"
)

// user is somebody before the page.
type user struct {
	*browser
	t *testing.T
}

// shown is what the page shows of an answer.
type shown struct {
	status, body, curl, url string
}

// still resolves to the middle of an element, in CSS pixels, once the element has kept
// its place for a twentieth of a second and nothing covers it there.
const still = `new Promise(done => {
	let before = "", since = 0;
	const look = () => {
		const element = document.querySelector(%q);
		if (!element) return setTimeout(look, 10);
		element.scrollIntoView({ block: "center", behavior: "instant" });
		const box = element.getBoundingClientRect();
		const x = box.x + box.width / 2, y = box.y + box.height / 2;
		const now = JSON.stringify(box) + scrollY, hit = document.elementFromPoint(x, y);
		if (now !== before || !element.contains(hit)) { before = now; since = performance.now() }
		if (performance.now() - since >= 50) return done([x, y]);
		setTimeout(look, 10);
	};
	look();
})`

// press clicks with the mouse where an element is shown, once it has come to rest: the
// page moves as it unfolds what its address names, and a click would fall beside.
func press(selector string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		var at []float64
		err := chromedp.Evaluate(fmt.Sprintf(still, selector), &at, await).Do(ctx)
		if err != nil {
			return err
		}
		return chromedp.MouseClickXY(at[0], at[1]).Do(ctx)
	})
}

// await has Evaluate wait for a promise.
func await(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// open goes to an address and waits for the page to have read the document.
func (u user) open(address string) {
	u.t.Helper()
	u.do(u.t, "open "+address, chromedp.Navigate(address), chromedp.WaitVisible(wakeOne))
}

// authorize types a key into the dialog.
func (u user) authorize(key string) {
	u.t.Helper()
	const dialog, field = ".dialog-ux ", ".dialog-ux #auth-bearer-value" // the other one is X-API-Key
	u.do(u.t, "authorize",
		press(".auth-wrapper .authorize"),
		chromedp.SendKeys(field, key, chromedp.NodeVisible),
		press(dialog+".auth-btn-wrapper .authorize"),
		// The field has gone, and with it the key from the screen.
		chromedp.WaitNotPresent(field),
		press(dialog+".auth-btn-wrapper .btn-done"),
		chromedp.WaitNotPresent(dialog),
	)
}

// try opens an operation for trying out.
func (u user) try(operation string) {
	u.t.Helper()
	u.do(u.t, "try out "+operation,
		press(operation+" .opblock-summary-control"),
		press(operation+" .try-out__btn"),
		chromedp.WaitVisible(operation+" .execute"),
	)
}

// fill types text over what a field holds.
func (u user) fill(field, text string) {
	u.t.Helper()
	u.replace(field, text, chromedp.SendKeys(field, text))
}

// edit changes a part of what a field holds, and pastes the whole over it.
func (u user) edit(field, part, text string) {
	u.t.Helper()
	var now string
	u.do(u.t, "read "+field, chromedp.Value(field, &now, chromedp.NodeVisible))
	if strings.Count(now, part) != 1 {
		u.t.Fatalf("%s holds %q, and %q not once", field, now, part)
	}
	now = strings.Replace(now, part, text, 1)
	u.replace(field, now, input.InsertText(now))
}

func (u user) replace(field, text string, enter chromedp.Action) {
	u.t.Helper()
	var now string
	u.do(u.t, "fill "+field,
		press(field),
		chromedp.Evaluate("document.activeElement.select()", nil),
		chromedp.KeyEvent(kb.Backspace),
		enter,
		chromedp.Value(field, &now),
	)
	if now != text {
		u.t.Fatalf("fill %s: it holds %q, not %q", field, now, text)
	}
}

// execute presses Execute and reads what the page shows of the answer.
func (u user) execute(operation string) shown {
	u.t.Helper()
	var s shown
	live := operation + " .live-responses-table .response "
	u.do(u.t, "execute "+operation,
		// An answer that is there already goes first, or it would be read again.
		chromedp.Evaluate(fmt.Sprintf(`document.querySelector("%s .btn-clear")?.click()`, operation), nil),
		chromedp.WaitNotPresent(operation+" .live-responses-table"),
		press(operation+" .execute"),
		chromedp.WaitVisible(live+".response-col_description pre"),
		chromedp.Text(live+".response-col_status", &s.status),
		chromedp.TextContent(live+".response-col_description pre", &s.body),
		chromedp.TextContent(operation+" .curl-command .curl", &s.curl),
		chromedp.TextContent(operation+" .request-url pre", &s.url),
	)
	s.status = strings.TrimSpace(s.status)
	return s
}
