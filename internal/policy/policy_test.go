package policy_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/broadcast"
	"wolgate/internal/policy"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// recorder is a Waker that remembers what it was asked for and when.
type recorder struct {
	calls [][]wol.MAC
	at    []time.Time
	fail  error // of the second and later calls
}

func (r *recorder) Wake(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
	if len(r.calls) > 0 && r.fail != nil {
		return nil, r.fail
	}
	var macs []wol.MAC
	for _, target := range req.Targets {
		macs = append(macs, target.MAC)
	}
	r.calls, r.at = append(r.calls, macs), append(r.at, time.Now())
	return woltest.Receipts(req), nil
}

func request(ns ...int) wol.Request {
	var req wol.Request
	for _, n := range ns {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n)})
	}
	return req
}

func macs(receipts []wol.Receipt) []wol.MAC {
	var out []wol.MAC
	for _, r := range receipts {
		out = append(out, r.MAC)
	}
	return out
}

func flat(cost int) func(wol.Request) int { return func(wol.Request) int { return cost } }

func TestDecoratorsAreWakers(t *testing.T) {
	t.Parallel()
	list := policy.AllowList{}
	for n := range 100 {
		list[woltest.MAC(n)] = struct{}{}
	}
	woltest.Suite(t, func(t *testing.T, destination netip.AddrPort) wol.Waker {
		sender := broadcast.New(broadcast.Config{Destinations: []netip.AddrPort{destination}, Repeat: 1}, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { _ = sender.Close(0) })
		return policy.Distinct(policy.Allow(policy.NewBudget(1000).Guard(sender, flat(1)), func() policy.AllowList { return list }))
	})
}

func TestDistinctSendsDuplicatesOnce(t *testing.T) {
	t.Parallel()
	var r recorder
	secret, err := wol.ParseSecureOn("c0a80107")
	if err != nil {
		t.Fatal(err)
	}
	req := request(1, 2, 1, 3, 2)
	req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(1), SecureOn: secret}) // other bytes: not a duplicate
	got, err := policy.Distinct(&r).Wake(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	m := woltest.MAC
	if diff := cmp.Diff([][]wol.MAC{{m(1), m(2), m(3), m(1)}}, r.calls); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]wol.MAC{m(1), m(2), m(1), m(3), m(2), m(1)}, macs(got)); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
}

func TestAllowRefusesTheWholeCall(t *testing.T) {
	t.Parallel()
	list, err := policy.ParseAllowList([]byte("# desktops\n" + woltest.MAC(1).String() + " # mine\n\n  02-00-00-00-00-02\n"))
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	w := policy.Allow(&r, func() policy.AllowList { return list })
	if _, err := w.Wake(t.Context(), request(1, 2)); err != nil {
		t.Errorf("allowed targets: %v", err)
	}
	if _, err := w.Wake(t.Context(), request(1, 3)); err == nil || wol.KindOf(err) != wol.Forbidden {
		t.Errorf("got %v, want kind forbidden", err)
	}
	if len(r.calls) != 1 {
		t.Errorf("%d calls went through, want 1", len(r.calls))
	}
}

func TestParseAllowListTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Windows lines":  "# mine\r\naa:bb:cc:dd:ee:ff\r\n",
		"a long comment": "# " + strings.Repeat("x", 100_000) + "\naa:bb:cc:dd:ee:ff",
	} {
		list, err := policy.ParseAllowList([]byte(text))
		if _, ok := list[wol.MAC{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}]; err != nil || !ok || len(list) != 1 {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

func TestParseAllowListRefuses(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                      "no MAC address",
		"# nothing\n":                           "no MAC address",
		"02:00:00:00:00:01\nnonsense\n":         "line 2",
		"ff:ff:ff:ff:ff:ff\n":                   "line 1",
		"02:00:00:00:00:01 02:00:00:00:00:02\n": "line 1",
		"\n\n02:00:00:00:00:01\n\n02:00:00:00:00": "line 5",
		strings.Repeat("x", 1<<20):                "line 1",
	} {
		if list, err := policy.ParseAllowList([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, %v; want an error saying %q", text, list, err, says)
		}
	}
}
