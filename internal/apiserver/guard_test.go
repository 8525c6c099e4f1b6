package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/logs"
	"wolgate/internal/metrics"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// TestEveryWakeIsGuarded asks the Waker that every door is given, past all doors, 10,000
// times: a caller who may not is refused with one event and nothing sent, and any other
// call leaves one line for each distinct target, which says what was sent.
func TestEveryWakeIsGuarded(t *testing.T) {
	t.Parallel()
	callers := []wol.Caller{{}, caller(t, wol.Admin), caller(t, wol.Wake, woltest.MAC(1), woltest.MAC(2)), caller(t, wol.Wake)}
	var out bytes.Buffer
	sent := map[string]int{}
	events := audit.New(logs.Config{Level: "error", Format: "json"}.New(&out))
	waker := guard(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		for _, target := range req.Targets {
			sent[req.ID+" "+target.MAC.String()]++
		}
		return woltest.Receipts(req), nil
	}), events, metrics.New(func() int { return 0 }, func() bool { return true }))
	want, denied := map[string]int{}, 0
	for n := range 10_000 {
		who := rand.IntN(len(callers))
		req := wol.Request{ID: fmt.Sprint(n), By: callers[who]}
		may := who >= 2
		for range 1 + rand.IntN(4) {
			target := woltest.MAC(1 + rand.IntN(4))
			req.Targets = append(req.Targets, wol.Target{MAC: target})
			may = may && (who == 3 || target == woltest.MAC(1) || target == woltest.MAC(2))
		}
		receipts, err := waker.Wake(t.Context(), req)
		if !may {
			denied++
			if wol.KindOf(err) != wol.Forbidden {
				t.Fatalf("caller %d, %v: %v", who, req.Targets, err)
			}
			continue
		}
		if err != nil || len(receipts) != len(req.Targets) {
			t.Fatalf("caller %d, %v: %v, %v", who, req.Targets, receipts, err)
		}
		for _, target := range req.Targets {
			want[req.ID+" "+target.MAC.String()] = 1
		}
	}
	events.Close()
	lines, refusals := map[string]int{}, 0
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var line struct {
			Event, Target, Outcome string
			RequestID              string `json:"request_id"`
			Suppressed             int
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		switch {
		case line.Event == "wake" && line.Outcome == "sent":
			lines[line.RequestID+" "+line.Target]++
		case line.Event == "authz_fail":
			refusals += max(1, line.Suppressed)
		default:
			t.Errorf("%+v", line)
		}
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("audited (-want +got):\n%s", diff)
	}
	if denied == 0 || refusals != denied {
		t.Errorf("%d events of %d denials", refusals, denied)
	}
}

// caller returns who presents a new key that allows action on targets, or on all.
func caller(t *testing.T, action wol.Action, targets ...wol.MAC) wol.Caller {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	key, err := apikey.Add(path, "k", []wol.Action{action}, targets, time.Time{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file, err := apikey.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	who, ok := apikey.NewSet(file, apikey.EnvKey{}).Authenticate(key.Reveal(), time.Now())
	if !ok {
		t.Fatal("the key is not valid")
	}
	return who
}
