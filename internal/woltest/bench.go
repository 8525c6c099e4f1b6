package woltest

import (
	"strconv"
	"testing"

	"wolgate/internal/wol"
)

// Bench measures a Waker with the least and the most targets that a call may have.
func Bench(b *testing.B, w wol.Waker) {
	for _, n := range []int{1, wol.MaxTargets} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			req := wol.Request{ID: "id-1", Targets: make([]wol.Target, n)}
			for i := range req.Targets {
				req.Targets[i].MAC = MAC(i + 1)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Wake(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
