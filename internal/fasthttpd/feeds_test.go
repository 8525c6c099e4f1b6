package fasthttpd

import (
	"bytes"
	"testing"
)

// FuzzFeeds: however a head is cut into pieces, the first bare line feed before its end is
// found, and none after it, where the body is.
func FuzzFeeds(f *testing.F) {
	for _, head := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n\n", "GET / HTTP/1.1\nHost: x\r\n\r\n", "\r\n\r\nG\r\n\r\n{\n", "G\r\n\n", "\n", "G\r\r\n\r\n"} {
		f.Add([]byte(head), byte(1))
		f.Add([]byte(head), byte(7))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece byte) {
		end := len(stream)
		blank := len(stream) - len(bytes.TrimLeft(stream, "\r\n"))
		if i := bytes.Index(stream[blank:], []byte("\r\n\r\n")); i >= 0 {
			end = blank + i + 4
		}
		want := -1
		for i := range end {
			if stream[i] == '\n' && (i == 0 || stream[i-1] != '\r') {
				want = i
				break
			}
		}
		got, seen := -1, feeds{expected: true}
		for at := 0; at < len(stream) && got < 0; at += max(1, int(piece)) {
			part := stream[at:min(len(stream), at+max(1, int(piece)))]
			if i := seen.bare(part); i >= 0 {
				got = at + i
			}
			seen.expected = false
		}
		if got != want {
			t.Errorf("%q in pieces of %d: %d, want %d", stream, piece, got, want)
		}
	})
}
