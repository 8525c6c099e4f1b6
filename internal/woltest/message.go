package woltest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// readMessage reads one HTTP/1.1 request or answer, whose body has a Content-Length,
// into b and returns its length. It allocates nothing, so that it can stand at the
// other end of what is measured.
func readMessage(r io.Reader, b []byte) (int, error) {
	for n, end := 0, -1; ; {
		if end < 0 {
			if at := bytes.Index(b[:n], []byte("\r\n\r\n")); at >= 0 {
				end = at + 4 + contentLength(b[:at])
			}
		}
		if end >= 0 && n >= end {
			return end, nil
		}
		if n == len(b) {
			return n, errors.New("the message is larger than its buffer")
		}
		got, err := r.Read(b[n:])
		if err != nil {
			return n, err
		}
		n += got
	}
}

func contentLength(head []byte) int {
	_, value, _ := bytes.Cut(head, []byte("\r\nContent-Length: "))
	length := 0
	for _, digit := range value {
		if digit < '0' || digit > '9' {
			break
		}
		length = length*10 + int(digit-'0')
	}
	return length
}

// Parrot gives the same answer to every message on every connection to a Unix socket,
// which it returns, until the test ends.
func Parrot(t testing.TB, answer []byte) (socket string) {
	t.Helper()
	socket = SocketPath(t)
	Accept(t, socket, func(c net.Conn) {
		for b := make([]byte, 16<<10); ; {
			if _, err := readMessage(c, b); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
	return socket
}
