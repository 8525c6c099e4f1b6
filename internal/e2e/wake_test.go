package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

const someMAC = "aa:bb:cc:dd:ee:ff"

func TestFourSpellingsGiveTheSamePacket(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	want := woltest.Packet(t, wol.Target{MAC: wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}})
	for _, spelling := range []string{someMAC, "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff", "aabbccddeeff", "AA:BB:CC:DD:EE:FF", "aa-bb-cc-dd-ee-ff", "AABB.CCDD.EEFF", "AABBCCDDEEFF"} {
		for _, path := range []string{spelling, strings.ReplaceAll(spelling, ":", "%3A"), strings.ReplaceAll(spelling, ":", "%3a"), escapeAll(spelling)} {
			receipt := st.wake(t, path).receipt(t)
			if receipt.MAC.String() != someMAC || receipt.Status != wol.Sent || len(receipt.Sent) != 1 || receipt.Sent[0].Bytes != 102 {
				t.Errorf("%s: receipt %+v", path, receipt)
			}
			if diff := cmp.Diff(want, r.Next(t)); diff != "" {
				t.Errorf("%s: packet (-want +got):\n%s", path, diff)
			}
		}
	}
	r.Nothing(t)
}

func TestEveryOtherStringIsRefusedAndSendsNothing(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	for _, bad := range woltest.BadMACs() {
		if bad == "" || bad == "../admin" {
			continue // another route; below
		}
		for _, path := range []string{url.PathEscape(bad), escapeAll(bad)} {
			if len(path) > 7500 {
				continue // 431; below
			}
			a := st.wake(t, path)
			if p := a.problem(t); a.status != http.StatusBadRequest || p.Code != wol.Invalid {
				t.Errorf("%.80q as %.80q: status %d, code %s", bad, path, a.status, p.Code)
			}
		}
	}
	a := st.wake(t, strings.ReplaceAll(someMAC, ":", "%253A"))
	if a.status != http.StatusBadRequest {
		t.Errorf("twice escaped: status %d", a.status)
	}
	r.Nothing(t)
}

// TestOddPathsNeverWake sends request lines that no client library would.
func TestOddPathsNeverWake(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: loopback(r)})
	for path, want := range map[string]string{
		"/api/v1/wol/%zz":                              "400",
		"/api/v1/wol/%":                                "400",
		"/api/v1/wol/":                                 "404",
		"/api/v1/wol//":                                "404",
		"/api/v1/wol/" + someMAC + "/":                 "404",
		"/api/v1/wol/%2e%2e%2fadmin":                   "400",
		"/api/v1/wol/../admin":                         "404",
		"/api/v1/wol/..%5c":                            "400",
		"/api/v1/wol/%00":                              "400",
		"/api/v1/wol/%0d%0aX:1":                        "400",
		"/api/v1/wol/" + someMAC + ";x=1":              "400",
		"/api/v1/wol/" + someMAC + "#x":                "400",
		"/api/v1/wol/" + someMAC + "?x=1":              "400",
		"/api/v1/wol/" + someMAC + "?api_key=" + "KEY": "400",
		"/api/v1/wol/" + someMAC + "?":                 "400",
		"//api/v1/wol/" + someMAC:                      "404",
		"/api//v1/wol/" + someMAC:                      "404",
		"/API/V1/WOL/" + someMAC:                       "404",
		"/api/v1/wol/" + someMAC + "\\":                "400",
		"/api/v1/wol/" + someMAC + "%2f":               "400",
		"/api/v1/wol/x/../" + someMAC:                  "404",
		"/api/v1/wol/./" + someMAC:                     "404",
		"/api/v1/wol/" + strings.Repeat("a", 33_000):   "431",
		"*": "404",
		"/api/v1/wol/" + strings.Repeat("aa:bb:cc:dd:", 9): "400",
	} {
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", path, st.key)
		if got := woltest.Raw(t, strings.TrimPrefix(st.url, "http://"), head); !strings.HasPrefix(got, "HTTP/1.1 "+want+" ") {
			t.Errorf("%.80q: want status %s, got %s", path, want, got)
		}
	}
	r.Nothing(t)
}

func TestSecureOnReachesTheWireAndNothingElse(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	st := start(t, setup{daemon: append(loopback(r), "--log-level", "debug"), gateway: []string{"--log-level", "debug"}})
	for _, secret := range []string{"deadbeef", "deadbeefcafe"} {
		password, err := wol.ParseSecureOn(secret)
		if err != nil {
			t.Fatal(err)
		}
		a := st.ask(t, http.MethodPost, "/api/v1/wol/"+someMAC, `{"secureon":"`+secret+`"}`)
		if got := a.receipt(t).Sent[0].Bytes; got != 102+len(secret)/2 {
			t.Errorf("%d bytes sent", got)
		}
		want := woltest.Packet(t, wol.Target{MAC: wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}, SecureOn: password})
		if diff := cmp.Diff(want, r.Next(t)); diff != "" {
			t.Errorf("packet (-want +got):\n%s", diff)
		}
		if strings.Contains(string(a.body), "deadbeef") {
			t.Errorf("the answer shows the password: %s", a.body)
		}
	}
	for _, log := range []*logLines{st.daemon.log, st.gateway.log} {
		if text := log.String(); strings.Contains(text, "deadbeef") || strings.Contains(text, st.key) {
			t.Errorf("a log shows a secret:\n%s", text)
		}
	}
}

func TestManyTargets(t *testing.T) {
	lantest.Require(t)
	lan := lantest.New(t, "lan0", "10.60.0.1/24")
	st := start(t, setup{daemon: []string{"--repeat", "1", "--max-pps", "1000000"}})
	const n = 1000
	var entries []string
	for i := range n {
		entries = append(entries, `{"mac_addr":"`+woltest.MAC(i+1).String()+`","secureon":"c0a80107aabb"}`)
	}
	entries[n-1] = entries[0] // a duplicate is answered twice and sent once
	a := st.ask(t, http.MethodPost, "/api/v1/wol", `{"targets":[`+strings.Join(entries, ",")+`]}`)
	got, err := wol.ParseReceipts(a.body)
	if err != nil || len(got.Receipts) != n || !got.OK || got.Status != wol.Sent {
		t.Fatalf("status %d, %v, %d receipts: %.200s", a.status, err, len(got.Receipts), a.body)
	}
	for i, receipt := range got.Receipts {
		if want := woltest.MAC(i%(n-1) + 1); receipt.MAC != want || len(receipt.Sent) != 2 {
			t.Fatalf("receipt %d is %+v, want one for %v", i, receipt, want)
		}
	}
	packets := map[string]int{}
	for _, f := range lan.Collect(quietLAN) {
		packets[string(f.Payload)]++
	}
	for i := range n - 1 {
		password, err := wol.ParseSecureOn("c0a80107aabb")
		if err != nil {
			t.Fatal(err)
		}
		if copies := packets[string(woltest.Packet(t, wol.Target{MAC: woltest.MAC(i + 1), SecureOn: password}))]; copies != 2 {
			t.Fatalf("target %d: %d packets, want one for each broadcast", i+1, copies)
		}
	}
	if len(packets) != n-1 {
		t.Errorf("%d different packets, want %d", len(packets), n-1)
	}
	a = st.ask(t, http.MethodPost, "/api/v1/wol", `{"targets":[`+entries[0]+`,{"mac_addr":"ff:ff:ff:ff:ff:ff"}]}`)
	if p := a.problem(t); a.status != http.StatusBadRequest || !strings.Contains(p.Detail, "target 2") {
		t.Errorf("one bad target: status %d, %s", a.status, p.Detail)
	}
	seen(t, "one bad target", lan)
}

// escapeAll percent-encodes every byte.
func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}
