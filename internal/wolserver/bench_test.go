package wolserver_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"wolgate/internal/logs"
	"wolgate/internal/woltest"
)

// BenchmarkWake asks the whole program, wired as it is run, with its budget, its log and
// one destination, where nobody receives. The client is bytes that are ready made. What
// net/http takes for a handler that does nothing is the floor: the difference is ours,
// and docs/benchmarks.md says what it is.
func BenchmarkWake(b *testing.B) {
	message := "POST /wol/" + woltest.MAC(1).String() + " HTTP/1.1\r\nHost: wol-server\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 0\r\n" +
		"Wol-Deadline: 99999999999999\r\nX-Request-Id: id-1\r\n\r\n"
	b.Run("daemon", func(b *testing.B) {
		socket := run(b, logs.Config{Level: "info", Format: "json"}.New(io.Discard), "--destinations", "127.255.255.255:40009", "--max-pps", "1000000")
		woltest.BenchMessage(b, "unix", socket, []byte(message))
	})
	b.Run("empty", func(b *testing.B) {
		socket := woltest.SocketPath(b)
		l, err := net.Listen("unix", socket)
		if err != nil {
			b.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(l) }()
		b.Cleanup(func() {
			_ = server.Close()
			<-ended
		})
		woltest.BenchMessage(b, "unix", socket, []byte(message))
	})
}
