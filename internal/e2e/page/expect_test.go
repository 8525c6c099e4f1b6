package page

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/problem"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// quietLAN is how long a LAN must stay silent to be believed done; the daemon here
// sends one copy.
const quietLAN = 300 * time.Millisecond

// deliveries is what one wake is on the LAN of the tests.
func deliveries() []wol.Delivery {
	return []wol.Delivery{
		{Interface: "lana", Destination: "255.255.255.255:9", Bytes: 102},
		{Interface: "lana", Destination: "10.10.0.255:9", Bytes: 102},
	}
}

// sent fails the test unless the page shows the receipt of a wake.
func (u user) sent(s shown, mac wol.MAC) {
	u.t.Helper()
	r, err := wol.ParseReceipt([]byte(s.body))
	if err != nil || s.status != "200" {
		u.t.Fatalf("the page shows %q, %v: %s", s.status, err, s.body)
	}
	if diff := cmp.Diff(wol.NewReceipt(mac, r.RequestID, deliveries(), nil), r); diff != "" || !r.OK {
		u.t.Errorf("receipt (-want +got):\n%s", diff)
	}
}

// sentMany is sent for an answer with one receipt in a list.
func (u user) sentMany(s shown, mac wol.MAC) {
	u.t.Helper()
	all, err := wol.ParseReceipts([]byte(s.body))
	if err != nil || s.status != "200" || !all.OK || len(all.Receipts) != 1 {
		u.t.Fatalf("the page shows %q, %v: %s", s.status, err, s.body)
	}
	if diff := cmp.Diff(wol.NewReceipt(mac, all.Receipts[0].RequestID, deliveries(), nil), all.Receipts[0]); diff != "" {
		u.t.Errorf("receipt (-want +got):\n%s", diff)
	}
}

// refused fails the test unless the page shows a problem of this kind.
func (u user) refused(s shown, status string, kind wol.Kind) {
	u.t.Helper()
	var p problem.Problem
	if err := json.Unmarshal([]byte(s.body), &p); err != nil || s.status != status || p.Code != kind || p.OK || p.Detail == "" {
		u.t.Fatalf("the page shows %q, want %s, %v: %s", s.status, status, err, s.body)
	}
}

func (u user) speaks(language string) {
	u.t.Helper()
	var got string
	u.do(u.t, "read the language", chromedp.Evaluate("navigator.language", &got))
	if got != language {
		u.t.Errorf("the browser speaks %q, want %q", got, language)
	}
}

// picture keeps a picture of the whole page, and fails the test unless it shows one.
func (u user) picture(name string) {
	u.t.Helper()
	var shot []byte
	u.do(u.t, "take a picture", chromedp.FullScreenshot(&shot, 100))
	keep(u.t, name, shot)
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		u.t.Fatal(err)
	}
	colours := map[color.Color]bool{}
	size := img.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y += 10 {
		for x := size.Min.X; x < size.Max.X; x += 10 {
			colours[img.At(x, y)] = true
		}
	}
	if size.Dx() < 1000 || size.Dy() < 1000 || size.Dy() > 20000 || len(colours) < 50 {
		u.t.Errorf("the picture is of %v in %d colours", size, len(colours))
	}
}

// noMaps asks for the source map of everything that the page has loaded.
func noMaps(t *testing.T, base string, loaded []string) {
	t.Helper()
	// The proxy's certificate is what the browser was told to trust.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: woltest.Patience}
	for _, path := range loaded {
		response, err := client.Get(base + path + ".map")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s.map: status %d", path, response.StatusCode)
		}
	}
}

// seen fails the test unless exactly one wake of each of these has arrived on the
// LAN, and nothing else: the browser has no business there.
func seen(t *testing.T, lan *lantest.LAN, macs ...wol.MAC) {
	t.Helper()
	var want, got []string
	for _, mac := range macs {
		for _, d := range deliveries() {
			want = append(want, fmt.Sprintf("%s %x", d.Destination, woltest.Packet(t, wol.Target{MAC: mac})))
		}
	}
	var frames []lantest.Frame
	for range want { // what must come may be late on a busy machine
		if f, ok := lan.Next(woltest.Patience); ok {
			frames = append(frames, f)
		}
	}
	for _, f := range append(frames, lan.Collect(quietLAN)...) {
		got = append(got, fmt.Sprintf("%s:%d %x", f.DstIP, f.DstPort, f.Payload))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seen on the LAN (-want +got):\n%s", diff)
	}
}
