package wol_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
)

// FuzzReceipt reads what a daemon could answer. A receipt that is accepted
// agrees with itself, and is the same after another crossing.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","request_id":"r","sent":[{"destination":"192.168.1.255:9","bytes":102}],"failed":[]}`))
	f.Add([]byte(`{"ok":true,"status":"partial","mac_addr":"0211.2233.4455","sent":[{"interface":"eth0","destination":"x","bytes":108}],"failed":[{"destination":"y","error":"network is down"}]}`))
	f.Add([]byte(`{"ok":false,"status":"failed","mac_addr":"02:11:22:33:44:55","sent":null,"failed":null}`))
	f.Add([]byte(`{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[]}`))
	f.Add([]byte(`{"ok":true,"OK":false,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"x","bytes":106}]}`))
	f.Add([]byte(`{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"","bytes":1}]}`))
	f.Add([]byte(`{"ok":true,"status":"sent","sent":[{"destination":"x","bytes":102}]}`))
	f.Add([]byte("{\"status\":\"failed\",\"mac_addr\":\"02:11:22:33:44:55\",\"request_id\":\"\xff\\ud800\\u2028\"}"))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := wol.ParseReceipt(text)
		if err != nil {
			return
		}
		agrees(t, r)
		crossesUnchanged(t, r, wol.ParseReceipt)
	})
}

// FuzzReceipts reads what a daemon could answer to a request for many targets.
func FuzzReceipts(f *testing.F) {
	f.Add([]byte(`{"ok":true,"status":"sent","request_id":"r","receipts":[{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"x","bytes":102}]}]}`))
	f.Add([]byte(`{"ok":false,"status":"partial","receipts":[{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"x","bytes":102}]},{"status":"failed","mac_addr":"02:11:22:33:44:56"}]}`))
	f.Add([]byte(`{"receipts":[{"status":"failed","mac_addr":"02:11:22:33:44:56"},{"status":"sent","mac_addr":"02:11:22:33:44:55"}]}`))
	f.Add([]byte(`{"ok":true,"status":"sent","same_as":[0,0],"receipts":[{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:55","sent":[{"destination":"x","bytes":102}]},{"ok":true,"status":"sent","mac_addr":"02:11:22:33:44:56"}]}`))
	f.Add([]byte(`{"receipts":[null,{}]}`))
	f.Add([]byte(`{"receipts":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := wol.ParseReceipts(text)
		if err != nil {
			return
		}
		for _, r := range all.Receipts {
			agrees(t, r)
		}
		crossesUnchanged(t, all, wol.ParseReceipts)
	})
}

// FuzzRequestID: what comes out is fit for a log line, and what is fit comes
// out as it was.
func FuzzRequestID(f *testing.F) {
	for _, text := range []string{"", "r", "5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e", "a.b_c-d", "a b", "a\nb", "\x1b[31m", "é", "a\x00", "../..", "{}"} {
		f.Add(text)
	}
	fit := regexp.MustCompile(`\A[0-9A-Za-z._-]{1,64}\z`)
	f.Fuzz(func(t *testing.T, text string) {
		id := wol.RequestID(text)
		if !fit.MatchString(id) || fit.MatchString(text) != (id == text) {
			t.Fatalf("%q became %q", text, id)
		}
	})
}

// agrees fails for a receipt whose verdict is not that of its lists.
func agrees(t *testing.T, r wol.Receipt) {
	t.Helper()
	if diff := cmp.Diff(wol.NewReceipt(r.MAC, r.RequestID, r.Sent, r.Failed), r); diff != "" {
		t.Fatalf("a receipt contradicts itself (-derived +read):\n%s", diff)
	}
	if r.OK && len(r.Sent) == 0 {
		t.Fatalf("ok, and nothing was sent: %+v", r)
	}
}

// crossesUnchanged encodes v and reads it back.
func crossesUnchanged[T any](t *testing.T, v T, parse func([]byte) (T, error)) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := parse(text)
	if err != nil {
		t.Fatalf("%v in what was encoded: %s", err, text)
	}
	if diff := cmp.Diff(v, back); diff != "" {
		t.Fatalf("encoded and read back (-want +got):\n%s", diff)
	}
}
