package woltest

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// Raw sends bytes that no client library would to a TCP address and returns the
// whole answer; the server has to close the connection.
func Raw(t testing.TB, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // what was not read of the request
		t.Fatalf("after %q: %v", text, err)
	}
	return string(text)
}

// Answer accepts on a Unix socket until the test ends, reads once from each
// connection, and gives every one the same answer; nil is silence.
func Answer(t testing.TB, path string, say []byte) {
	t.Helper()
	Accept(t, path, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		if say == nil {
			_, _ = io.Copy(io.Discard, conn) // until the caller gives up
			return
		}
		_, _ = conn.Write(say)
	})
}

// Accept accepts on a Unix socket until the test ends, has serve talk on each
// connection, and closes it after that.
func Accept(t testing.TB, path string, serve func(conn net.Conn)) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
}

// FreeAddress returns a free TCP address of loopback.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// AwaitListener returns once something listens on address, within Patience.
func AwaitListener(t testing.TB, address string) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
