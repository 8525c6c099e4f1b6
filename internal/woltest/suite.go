package woltest

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
)

// MAC returns the nth locally administered address that no device has.
func MAC(n int) wol.MAC {
	mac := wol.MAC{0x02, 0x00}
	binary.BigEndian.PutUint32(mac[2:], uint32(n))
	return mac
}

// Packet returns the bytes that a target must be sent.
func Packet(t testing.TB, target wol.Target) []byte {
	t.Helper()
	b, err := magicpacket.Packet{Target: target.MAC, SecureOn: target.SecureOn.Bytes()}.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Receipts is the answer of a host whose only interface has sent everything.
func Receipts(req wol.Request) []wol.Receipt {
	receipts := make([]wol.Receipt, len(req.Targets))
	for i, target := range req.Targets {
		receipts[i] = wol.NewReceipt(target.MAC, req.ID, []wol.Delivery{{Interface: "eth0", Destination: "10.0.0.255:9", Bytes: 102}}, nil)
	}
	return receipts
}

// Suite tests what every wol.Waker does, with anything between it and the wire.
// start returns one that sends a single copy to destination.
func Suite(t *testing.T, start func(t *testing.T, destination netip.AddrPort) wol.Waker) {
	secret, err := wol.ParseSecureOn("c0a80107aabb")
	if err != nil {
		t.Fatal(err)
	}
	begin := func(t *testing.T) (*Receiver, wol.Waker) {
		t.Parallel()
		r := Listen(t)
		return r, start(t, r.Addr())
	}
	receipt := func(r *Receiver, target wol.Target, size int) wol.Receipt {
		return wol.NewReceipt(target.MAC, "id-1", []wol.Delivery{{Destination: r.Addr().String(), Bytes: size}}, nil)
	}

	t.Run("one target", func(t *testing.T) {
		r, w := begin(t)
		target := wol.Target{MAC: MAC(1)}
		got, err := w.Wake(t.Context(), wol.Request{ID: "id-1", Targets: []wol.Target{target}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]wol.Receipt{receipt(r, target, 102)}, got); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(Packet(t, target), r.Next(t)); diff != "" {
			t.Errorf("packet (-want +got):\n%s", diff)
		}
		r.Nothing(t)
	})

	t.Run("many targets in their order", func(t *testing.T) {
		r, w := begin(t)
		targets := []wol.Target{{MAC: MAC(3)}, {MAC: MAC(1), SecureOn: secret}, {MAC: MAC(2)}}
		got, err := w.Wake(t.Context(), wol.Request{ID: "id-1", Targets: targets})
		if err != nil {
			t.Fatal(err)
		}
		want := []wol.Receipt{receipt(r, targets[0], 102), receipt(r, targets[1], 108), receipt(r, targets[2], 102)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("receipts (-want +got):\n%s", diff)
		}
		for _, target := range targets {
			if diff := cmp.Diff(Packet(t, target), r.Next(t)); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
		}
		r.Nothing(t)
	})

	t.Run("an interface that is not there", func(t *testing.T) {
		r, w := begin(t)
		got, err := w.Wake(t.Context(), wol.Request{Interface: "nowhere0", Targets: []wol.Target{{MAC: MAC(1)}}})
		if err == nil || wol.KindOf(err) != wol.Invalid {
			t.Errorf("got %v, %v; want kind invalid", got, err)
		}
		r.Nothing(t)
	})

	t.Run("a call that has ended", func(t *testing.T) {
		r, w := begin(t)
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		got, err := w.Wake(ctx, wol.Request{Targets: []wol.Target{{MAC: MAC(1)}}})
		if err == nil || wol.KindOf(err) != wol.Timeout {
			t.Errorf("got %v, %v; want kind timeout", got, err)
		}
		r.Nothing(t)
	})

	t.Run("many callers", func(t *testing.T) {
		r, w := begin(t)
		const callers = 50
		want := map[string]bool{}
		var wg sync.WaitGroup
		for n := range callers {
			target := wol.Target{MAC: MAC(n + 1)}
			want[string(Packet(t, target))] = true
			wg.Go(func() {
				got, err := w.Wake(t.Context(), wol.Request{Targets: []wol.Target{target}})
				if err != nil || len(got) != 1 || got[0].MAC != target.MAC || !got[0].OK {
					t.Errorf("target %v: got %v, %v", target.MAC, got, err)
				}
			})
		}
		wg.Wait()
		for range callers {
			delete(want, string(r.Next(t)))
		}
		if len(want) > 0 {
			t.Errorf("%d packets never arrived", len(want))
		}
		r.Nothing(t)
	})
}
