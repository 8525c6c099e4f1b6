package policy_test

import (
	"context"
	"slices"
	"testing"

	"wolgate/internal/policy"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// rights allow one action on some targets.
type rights struct {
	action  wol.Action
	targets []wol.MAC
}

func (r rights) Has(a wol.Action) bool { return a == r.action }
func (r rights) May(a wol.Action, target wol.MAC) bool {
	return r.Has(a) && slices.Contains(r.targets, target)
}

func TestPermit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by      wol.Caller
		targets []int
		want    wol.Denial // none for a request that is passed on
	}{
		"the zero Caller":    {wol.Caller{}, []int{1}, wol.NoScope},
		"another action":     {wol.Caller{Rights: rights{wol.Admin, []wol.MAC{woltest.MAC(1)}}}, []int{1}, wol.NoScope},
		"another target":     {wol.Caller{Rights: rights{wol.Wake, []wol.MAC{woltest.MAC(2)}}}, []int{1}, wol.NoTarget},
		"one target of many": {wol.Caller{Rights: rights{wol.Wake, []wol.MAC{woltest.MAC(1)}}}, []int{1, 1, 2}, wol.NoTarget},
		"every target":       {wol.Caller{Rights: rights{wol.Wake, []wol.MAC{woltest.MAC(1), woltest.MAC(2)}}}, []int{1, 2}, ""},
	} {
		sent, denials := 0, []wol.Denial{}
		waker := policy.Permit(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			sent++
			return woltest.Receipts(req), nil
		}), func(_ wol.Request, why wol.Denial, _ string) { denials = append(denials, why) })
		req := wol.Request{By: tt.by}
		for _, n := range tt.targets {
			req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n)})
		}
		_, err := waker.Wake(t.Context(), req)
		if tt.want == "" {
			if err != nil || sent != 1 || len(denials) > 0 {
				t.Errorf("%s: %v, sent %d times, denied %v", name, err, sent, denials)
			}
			continue
		}
		if wol.KindOf(err) != wol.Forbidden || sent != 0 || !slices.Equal(denials, []wol.Denial{tt.want}) {
			t.Errorf("%s: %v, sent %d times, denied %v, want %s once", name, err, sent, denials, tt.want)
		}
	}
}
