package audit_test

import (
	"context"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/audit"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestEveryWakeIsAudited has every end that a request can have. A refusal has an event of
// its own beside the lines of its targets.
func TestEveryWakeIsAudited(t *testing.T) {
	t.Parallel()
	sent, failed := []wol.Delivery{{Destination: "x", Bytes: 102}}, []wol.Failure{{Destination: "y", Error: "network is down"}}
	receipts := []wol.Receipt{wol.NewReceipt(woltest.MAC(1), "", append(sent, sent...), nil), wol.NewReceipt(woltest.MAC(2), "", sent, failed), wol.NewReceipt(woltest.MAC(3), "", nil, failed)}
	line := func(n int, outcome, code string, packets float64) map[string]any {
		fields := map[string]any{"event": "wake", "target": woltest.MAC(n).String(), "outcome": outcome, "packets": packets}
		if code != "" {
			fields["code"] = code
		}
		return fields
	}
	all := func(outcome, code string, more ...map[string]any) []map[string]any {
		return append([]map[string]any{line(1, outcome, code, 0), line(2, outcome, code, 0), line(3, outcome, code, 0)}, more...)
	}
	event := func(name string) map[string]any { return map[string]any{"event": name, "detail": "why"} }
	for name, tt := range map[string]struct {
		err  error
		want []map[string]any
	}{
		"answered":      {nil, []map[string]any{line(1, "sent", "", 2), line(2, "partial", "", 1), line(3, "failed", "", 0)}},
		"none":          {&wol.Error{Kind: wol.Unavailable}, all("failed", "unavailable")},
		"not allowed":   {&wol.Error{Kind: wol.Forbidden, Message: "why"}, all("refused", "forbidden", event("authz_fail"))},
		"over budget":   {&wol.Error{Kind: wol.RateLimited, Message: "why"}, all("refused", "rate_limited", event("excess_rate_limit_exceeded"))},
		"no interface":  {&wol.Error{Kind: wol.Invalid, Message: "why"}, all("refused", "invalid", event("input_validation_fail"))},
		"no answer":     {&wol.Error{Kind: wol.Timeout, Unsure: true}, all("unknown", "timeout")},
		"not delivered": {&wol.Error{Kind: wol.Timeout}, all("failed", "timeout")},
		"broken off":    {&wol.Error{Kind: wol.Unavailable, Unsure: true}, all("unknown", "unavailable")},
		"our own fault": {io.ErrUnexpectedEOF, all("unknown", "internal")},
	} {
		log, out := started()
		next := wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) { return receipts, tt.err })
		req := wol.Request{ID: "r1", By: wol.Caller{Grant: "k1", Name: "내 폰", Via: "api"}}
		for n := range 3 {
			req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
		}
		if got, err := audit.Wakes(next, log).Wake(t.Context(), req); err != tt.err || len(got) != len(receipts) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		lines := parse[map[string]any](t, out.String())
		for _, l := range lines {
			if l["request_id"] != "r1" || l["key_id"] != "k1" || l["key"] != "내 폰" || l["via"] != "api" || l["msg"] != "audit" {
				t.Errorf("%s: %v", name, l)
			}
			for _, field := range []string{"request_id", "key_id", "key", "via", "msg", "time", "level", "seq"} {
				delete(l, field)
			}
		}
		if diff := cmp.Diff(tt.want, lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
