package page

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

// shows fails the test unless the page shows the receipt of a wake, and a curl command
// that would do the same.
func (u user) shows(s shown, mac wol.MAC, url, key string) {
	u.t.Helper()
	if s.url != url || !strings.Contains(s.curl, "'"+url+"'") || !strings.Contains(s.curl, "'Authorization: Bearer "+key+"'") {
		u.t.Errorf("the page shows the address %q, want %q, and\n%s", s.url, url, s.curl)
	}
	all := []wol.Receipt{{}}
	var err error
	if strings.HasSuffix(url, "/wol") {
		var many wol.Receipts
		many, err = wol.ParseReceipts([]byte(s.body))
		all = many.Receipts
	} else {
		all[0], err = wol.ParseReceipt([]byte(s.body))
	}
	if err != nil || s.status != "200" || len(all) != 1 {
		u.t.Fatalf("the page shows %q, %v: %s", s.status, err, s.body)
	}
	if diff := cmp.Diff(wol.NewReceipt(mac, all[0].RequestID, deliveries(), nil), all[0]); diff != "" {
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
