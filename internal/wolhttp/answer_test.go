package wolhttp_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// many asks for that many targets.
func many(targets int) wol.Request {
	req := wol.Request{ID: "id-1"}
	for n := range targets {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	return req
}

// dead returns what a host with that many interfaces without carrier fails with for every
// target.
func dead(interfaces int) (failed []wol.Failure) {
	for n := range interfaces {
		for _, to := range []string{"255.255.255.255:9", fmt.Sprintf("10.%d.0.255:9", n)} {
			failed = append(failed, wol.Failure{Interface: fmt.Sprint("lan", n), Destination: to, Error: "no carrier"})
		}
	}
	return failed
}

// TestDeadInterfacesAreSaidOnce: written into each receipt, this answer would have 15 MB,
// which no client reads.
func TestDeadInterfacesAreSaidOnce(t *testing.T) {
	t.Parallel()
	failed := dead(70)
	var want []wol.Receipt
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		want = nil
		for n, target := range req.Targets {
			sent := []wol.Delivery{{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102}}
			if n >= 600 { // the call ended before their turn
				sent = nil
			}
			want = append(want, wol.NewReceipt(target.MAC, req.ID, sent, failed))
		}
		return want, nil
	})
	got, err := client(t, serve(t, wolhttp.Handler(waker, noInterfaces, quiet())), woltest.Patience).Wake(t.Context(), many(wol.MaxTargets))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	if &got[0].Failed[0] != &got[1].Failed[0] {
		t.Error("each receipt has a list of its own in memory")
	}
}
