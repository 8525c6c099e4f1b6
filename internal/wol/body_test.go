package wol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

const mac = "aa:bb:cc:dd:ee:ff"

func TestParseOptions(t *testing.T) {
	t.Parallel()
	password, err := wol.ParseSecureOn("c0a80107")
	if err != nil {
		t.Fatal(err)
	}
	address := wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	for body, want := range map[string]wol.Request{
		``:         {Targets: []wol.Target{{MAC: address}}},
		`{}`:       {Targets: []wol.Target{{MAC: address}}},
		"\ufeff{}": {Targets: []wol.Target{{MAC: address}}},
		` {"secureon":"c0a80107","interface":"eth0"} `: {Interface: "eth0", Targets: []wol.Target{{MAC: address, SecureOn: password}}},
	} {
		got, err := wol.ParseOptions(mac, []byte(body))
		if err != nil {
			t.Errorf("%q: %v", body, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(wol.SecureOn{}), cmpopts.EquateComparable(wol.Caller{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", body, diff)
		}
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"null":             `null`,
		"array":            `[]`,
		"string":           `"x"`,
		"blank":            ` `,
		"unknown field":    `{"ip":"8.8.8.8"}`,
		"port":             `{"port":53}`,
		"broadcast":        `{"broadcast":"10.0.0.255"}`,
		"duplicate":        `{"interface":"eth0","interface":"eth1"}`,
		"other case":       `{"Interface":"eth0"}`,
		"both cases":       `{"interface":"eth0","INTERFACE":"eth1"}`,
		"trailing":         `{} {}`,
		"trailing garbage": `{}x`,
		"open":             `{"secureon":"c0a80107"`,
		"number":           `{"secureon":192168001}`,
		"NaN":              `{"secureon":NaN}`,
		"null field":       `{"secureon":null}`,
		"long s":           `{"ſecureon":"c0a80107"}`,
		"deep":             strings.Repeat(`{"interface":`, 100) + `1` + strings.Repeat(`}`, 100),
		"short password":   `{"secureon":"c0a8"}`,
		"mac in the body":  `{"mac_addr":"aa:bb:cc:dd:ee:ff"}`,
	} {
		if _, err := wol.ParseOptions(mac, []byte(body)); err == nil || wol.KindOf(err) != wol.Invalid {
			t.Errorf("%s: got %v, want kind invalid", name, err)
		}
	}
	for _, bad := range woltest.BadMACs() {
		if _, err := wol.ParseOptions(bad, nil); err == nil || wol.KindOf(err) != wol.Invalid {
			t.Errorf("%q: got %v, want kind invalid", bad, err)
		}
	}
}

func TestParseTargets(t *testing.T) {
	t.Parallel()
	entries := func(n int) string {
		return `{"targets":[` + strings.TrimSuffix(strings.Repeat(`{"mac_addr":"`+mac+`"},`, n), ",") + `]}`
	}
	for name, tt := range map[string]struct {
		body string
		want int // targets; 0 means refused
		text string
	}{
		"one":        {entries(1), 1, ""},
		"a thousand": {entries(1000), 1000, ""},
		"too many":   {entries(1001), 0, "1 to 1000"},
		"none":       {entries(0), 0, "1 to 1000"},
		"no list":    {`{}`, 0, "1 to 1000"},
		"empty":      {``, 0, "JSON object"},
		"bad second": {`{"targets":[{"mac_addr":"` + mac + `"},{"mac_addr":"nonsense"}]}`, 0, "target 2 of the list"},
		"duplicate":  {`{"targets":[{"mac_addr":"` + mac + `","mac_addr":"02:00:00:00:00:01"}]}`, 0, "JSON object"},
		"unknown":    {`{"targets":[{"mac_addr":"` + mac + `","ip":"8.8.8.8"}]}`, 0, "unknown field: the fields are mac_addr, secureon"},
		"long s":     {`{"targets":[{"mac_addr":"` + mac + `"}],"targetſ":[]}`, 0, "unknown field: the fields are targets, interface"},
		"YAML":       {`{"targets":[{"mac_addr":41135085296}]}`, 0, "targets.mac_addr is a number: write it in quotes"},
		"half":       {`{"targets":[`, 0, "not valid JSON from byte 12 on"},
		"UTF-16":     {"{\x00}\x00", 0, "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := wol.ParseTargets([]byte(tt.body))
			if len(req.Targets) != tt.want {
				t.Fatalf("%d targets, want %d (%v)", len(req.Targets), tt.want, err)
			}
			if tt.want == 0 && (wol.KindOf(err) != wol.Invalid || !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("got %v, want kind invalid saying %q", err, tt.text)
			}
		})
	}
}

func TestBodyReadsBack(t *testing.T) {
	t.Parallel()
	password, err := wol.ParseSecureOn("c0a80107aabb")
	if err != nil {
		t.Fatal(err)
	}
	want := wol.Request{Interface: "eth0", Targets: []wol.Target{{MAC: wol.MAC{2, 1}}, {MAC: wol.MAC{2, 2}, SecureOn: password}}}
	text, err := json.Marshal(want.Body())
	if err != nil {
		t.Fatal(err)
	}
	got, err := wol.ParseTargets(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(wol.SecureOn{}), cmpopts.EquateComparable(wol.Caller{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzTargets(f *testing.F) {
	f.Add([]byte(`{"targets":[{"mac_addr":"aa:bb:cc:dd:ee:ff","secureon":"c0a80107"}],"interface":"eth0"}`))
	f.Add([]byte(`{"targets":[{"mac_addr":"aa:bb:cc:dd:ee:ff"}],"targets":[]}`))
	f.Add([]byte(`{"targets":null}`))
	f.Add([]byte(`{"":{"":[[{}]]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := wol.ParseTargets(body)
		if err != nil {
			if wol.KindOf(err) != wol.Invalid {
				t.Fatalf("kind %s", wol.KindOf(err))
			}
			return
		}
		if n := len(req.Targets); n < 1 || n > wol.MaxTargets {
			t.Fatalf("%d targets", n)
		}
		text, err := json.Marshal(req.Body())
		if err != nil {
			t.Fatal(err)
		}
		again, err := wol.ParseTargets(text)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(req) {
			t.Fatalf("%v printed and read back is %v, %v", req, again, err)
		}
	})
}

func TestReceiptVerdictComesFromItsLists(t *testing.T) {
	t.Parallel()
	sent := []wol.Delivery{{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102}}
	failed := []wol.Failure{{Interface: "eth1", Destination: "10.0.0.255:9", Error: "network is down"}}
	for _, tt := range []struct {
		sent   []wol.Delivery
		failed []wol.Failure
		ok     bool
		status wol.Outcome
	}{
		{sent, nil, true, wol.Sent},
		{sent, failed, true, wol.Partial},
		{nil, failed, false, wol.Failed},
		{nil, nil, false, wol.Failed},
	} {
		r := wol.NewReceipt(wol.MAC{2}, "id", tt.sent, tt.failed)
		if r.OK != tt.ok || r.Status != tt.status {
			t.Errorf("got %v %s, want %v %s", r.OK, r.Status, tt.ok, tt.status)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "null") {
			t.Errorf("a list is null in %s", text)
		}
		back, err := wol.ParseReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	}
	for name, text := range map[string]string{
		"ok of nothing":       `{"ok":true,"status":"sent","mac_addr":"` + mac + `","sent":[],"failed":[]}`,
		"sent though failed":  `{"ok":true,"status":"sent","mac_addr":"` + mac + `","sent":[{"destination":"a","bytes":102}],"failed":[{"destination":"b","error":"x"}]}`,
		"delivery of nothing": `{"ok":true,"status":"sent","mac_addr":"` + mac + `","sent":[{"destination":"a","bytes":0}],"failed":[]}`,
		"no mac":              `{"ok":true,"status":"sent","mac_addr":"","sent":[{"destination":"a","bytes":102}],"failed":[]}`,
	} {
		if _, err := wol.ParseReceipt([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := wol.ParseReceipts([]byte(`{"ok":true,"status":"sent","receipts":[` + text + `]}`)); err == nil {
			t.Errorf("%s: accepted among others", name)
		}
	}
}

func TestReceiptsSumUp(t *testing.T) {
	t.Parallel()
	sent := []wol.Delivery{{Destination: "127.255.255.255:9", Bytes: 102}}
	good := wol.NewReceipt(wol.MAC{2}, "id", sent, nil)
	part := wol.NewReceipt(wol.MAC{2}, "id", sent, []wol.Failure{{Destination: "x", Error: "y"}})
	none := wol.NewReceipt(wol.MAC{2}, "id", nil, nil)
	for _, tt := range []struct {
		in     []wol.Receipt
		ok     bool
		status wol.Outcome
	}{
		{[]wol.Receipt{good, good}, true, wol.Sent},
		{[]wol.Receipt{good, part}, true, wol.Partial},
		{[]wol.Receipt{good, none}, false, wol.Partial},
	} {
		sum := wol.NewReceipts("id", tt.in)
		if sum.OK != tt.ok || sum.Status != tt.status {
			t.Errorf("got %v %s, want %v %s", sum.OK, sum.Status, tt.ok, tt.status)
		}
		text, err := json.Marshal(sum)
		if err != nil {
			t.Fatal(err)
		}
		back, err := wol.ParseReceipts(text)
		if diff := cmp.Diff(sum, back); err != nil || diff != "" {
			t.Errorf("%v, read back (-want +got):\n%s", err, diff)
		}
		sum.OK = !sum.OK
		if text, err = json.Marshal(sum); err != nil {
			t.Fatal(err)
		}
		if _, err := wol.ParseReceipts(text); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}
