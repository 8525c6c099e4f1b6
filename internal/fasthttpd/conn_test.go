package fasthttpd

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wolgate/internal/woltest"
)

// small has the kernel hold little of what is sent, so that the pace is the client's.
type small struct{ net.Listener }

func (l small) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return c, err
}

// TestSteadyReadersGetAllOfIt reads an answer for twice as long as one write may take.
func TestSteadyReadersGetAllOfIt(t *testing.T) {
	t.Parallel()
	const write, size, steps = time.Second, 4 << 20, 40
	var waiting Waiting
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(make([]byte, size)) }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(waiting.Listen(small{l}, write)) }()
	t.Cleanup(func() { _, _ = s.Shutdown(), <-ended })

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(c.(*net.TCPConn).SetReadBuffer(64<<10), c.SetDeadline(time.Now().Add(woltest.Patience))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var got int64
	for range steps {
		time.Sleep(2 * write / steps)
		n, err := io.CopyN(io.Discard, c, size/steps)
		if got += n; err != nil {
			t.Fatalf("after %d bytes of %d: %v", got, size, err)
		}
	}
	if rest, err := io.Copy(io.Discard, c); err != nil || got+rest < size {
		t.Errorf("%d bytes of %d: %v", got+rest, size, err)
	}
}
