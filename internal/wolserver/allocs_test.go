//go:build !race

package wolserver_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"wolgate/internal/logs"
	"wolgate/internal/woltest"
)

// mostAllocations is how many allocations a wake may take in wol-server beyond what
// net/http needs for a handler that does nothing. There are 34, and 15 would be good:
// docs/benchmarks.md says what they are. Take this down with them.
const mostAllocations = 36

// TestAllocationsPerWake counts in the whole program, wired as it is run, with its
// budget, its log and one destination. The client is bytes that are ready made. The race
// detector makes sync.Pool forget at random, so there it is left out.
func TestAllocationsPerWake(t *testing.T) {
	head := "POST /wol/" + woltest.MAC(1).String() + " HTTP/1.1\r\nHost: wol-server\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 0\r\n"
	// Nobody receives there: it would allocate.
	socket := run(t, logs.Config{Level: "info", Format: "json"}.New(io.Discard), "--destinations", "127.255.255.255:40009", "--max-pps", "1000000")
	ours, answer := woltest.AllocationsPerMessage(t, "unix", socket, []byte(head+"Wol-Deadline: 99999999999999\r\nX-Request-Id: id-1\r\n\r\n"))
	empty, _ := woltest.AllocationsPerMessage(t, "unix", emptyHandler(t), []byte(head+"\r\n"))
	t.Logf("a wake allocates %v times in wol-server, an empty handler of net/http %v. The answer:\n%s", ours, empty, answer)
	if added := ours - empty; added > mostAllocations {
		t.Errorf("wol-server adds %v allocations to a wake, want %d at most", added, mostAllocations)
	}
}

func emptyHandler(t *testing.T) (socket string) {
	t.Helper()
	socket = woltest.SocketPath(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return socket
}
