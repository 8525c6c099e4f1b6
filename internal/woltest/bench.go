package woltest

import (
	"bytes"
	"net"
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

// BenchMessage measures how long message takes to be answered with status 200, and what
// this process allocates meanwhile; the client itself allocates nothing.
func BenchMessage(b *testing.B, network, address string, message []byte) {
	c, err := net.Dial(network, address)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buffer := make([]byte, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(message); err != nil {
			b.Fatal(err)
		}
		if n, err := readMessage(c, buffer); err != nil || !bytes.HasPrefix(buffer[:n], []byte("HTTP/1.1 200 ")) {
			b.Fatalf("%v: %q", err, buffer[:n])
		}
	}
}
