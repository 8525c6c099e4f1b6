//go:build soak

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wolgate/internal/magicpacket"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// placeholder stands in a request for a target of its own.
const placeholder = "02:00:00:00:00:00"

// valid returns requests that the gateway understands, with this key.
func valid(key string) [][]byte {
	var all [][]byte
	add := func(line, headers, body string) {
		head := line + " HTTP/1.1\r\nHost: localhost\r\n" + headers
		if key != "" {
			head += "Authorization: Bearer " + key + "\r\n"
		}
		if body != "" && !strings.Contains(headers, "Transfer-Encoding") {
			head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
		}
		all = append(all, []byte(head+"\r\n"+body))
	}
	const many = `{"targets":[{"mac_addr":"` + placeholder + `","secureon":"c0a80107aabb"},{"mac_addr":"` + placeholder + `"}]}`
	chunked := "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
	const wake = "/api/v1/wol"
	add("POST "+wake+"/"+placeholder, "Content-Length: 0\r\n", "")
	add("POST "+wake+"/"+placeholder, "", `{"secureon":"deadbeef","interface":"nowhere0"}`)
	add("POST "+wake+"/"+placeholder, "Expect: 100-continue\r\n", `{"secureon":"deadbeef"}`)
	add("POST "+wake, "X-Request-ID: stream-1\r\n", many)
	add("POST "+wake, chunked, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(many), many))
	add("POST "+wake, chunked, fmt.Sprintf("1\r\n{\r\n%x;a=b\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", len(many)-1, many[1:]))
	add("POST "+wake, "", `{"targets":[`+strings.Repeat(`{"mac_addr":"`+placeholder+`"},`, 100)+`{"mac_addr":"`+placeholder+`"}]}`)
	for _, path := range []string{"/api/v1/interfaces", "/healthz", "/readyz", "/", "/swagger/", "/swagger/doc.json"} {
		add("GET "+path, "Accept: */*\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n", "")
	}
	add("HEAD /healthz", "", "")
	add("OPTIONS /api/v1/wol", "Origin: http://localhost\r\nAccess-Control-Request-Method: POST\r\n", "")
	add("OPTIONS *", "", "")
	add("GET http://localhost/healthz", "Cookie: a=b\r\nReferer: http://localhost/\r\n", "")
	return all
}

// headers returns what one reader of a request understands otherwise than another.
func headers() []string {
	return []string{
		"Content-Length: 0", "Content-Length: 5", "Content-Length: 4097", "Content-Length: 131073", "Content-Length: -1", "Content-Length: +5",
		"Content-Length: 0x5", "Content-Length: 5, 5", "Content-Length: 99999999999999999999", "Content-Length : 5", "Content-Length:", "content-length: 1",
		"Transfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding:", "transfer-encoding: CHUNKED", "X: a\r\n Transfer-Encoding: chunked",
		"Host: localhost", "Host: a b", "Host:", "Connection: close", "Connection: keep-alive", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
		"Expect: 100-continue", "Expect: 200-ok", "Content-Encoding: gzip", "Content-Type: multipart/form-data; boundary=x", "Content-Type: text/plain",
		"Range: bytes=0-1", "If-None-Match: *", "X-HTTP-Method-Override: POST", "X-API-Key: x", "Authorization: Basic Og==", "X-Request-ID: \x1b[2J",
		"Origin: null", "Trailer: Content-Length", "TE: trailers", "a\x00b: c", "no colon", " folded", ": nothing",
	}
}

// stream makes byte streams out of requests.
type stream struct {
	*rand.Rand
	requests [][]byte
	headers  []string
	next     func() wol.MAC
}

// make returns one stream: noise in one of twenty cases, a request as it is in one of
// ten, and otherwise one that was changed in a few places.
func (s *stream) make() []byte {
	if s.IntN(20) == 0 {
		return s.noise(1 + s.IntN(1024))
	}
	b := s.request()
	if s.IntN(10) == 0 {
		return b
	}
	for range 1 + s.IntN(3) {
		b = s.change(b)
	}
	return b[:min(len(b), 160<<10)]
}

func (s *stream) request() []byte {
	return bytes.ReplaceAll(s.requests[s.IntN(len(s.requests))], []byte(placeholder), []byte(s.next().String()))
}

func (s *stream) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

// change makes one change; b is its own to write on.
func (s *stream) change(b []byte) []byte {
	if len(b) == 0 {
		return s.request()
	}
	at := s.IntN(len(b))
	span := b[at:min(len(b), at+1+s.IntN(64))]
	put := func(what []byte) []byte { return bytes.Join([][]byte{b[:at], what, b[at:]}, nil) }
	switch s.IntN(14) {
	case 0: // one bit
		b[at] ^= 1 << s.IntN(8)
		return b
	case 1: // a byte that means something
		const meaning = "\r\n\x00\t :;,/%?#\"{}[]0\xff"
		b[at] = meaning[s.IntN(len(meaning))]
		return b
	case 2:
		return b[:at]
	case 3:
		return bytes.Join([][]byte{b[:at], b[at+len(span):]}, nil)
	case 4:
		return put(bytes.Clone(span))
	case 5:
		return put(s.noise(1 + s.IntN(16)))
	case 6: // the head of one request and the rest of another
		other := s.request()
		return bytes.Join([][]byte{b[:at], other[s.IntN(len(other)):]}, nil)
	case 7: // one request behind another
		return append(b, s.request()...)
	case 8: // one line twice
		lines := bytes.SplitAfter(b, []byte("\r\n"))
		n := s.IntN(len(lines))
		return bytes.Join([][]byte{bytes.Join(lines[:n+1], nil), bytes.Join(lines[n:], nil)}, nil)
	case 9, 10, 11: // another header
		lines := bytes.SplitAfter(b, []byte("\r\n"))
		n := min(len(lines), 1+s.IntN(4))
		return bytes.Join([][]byte{bytes.Join(lines[:n], nil), []byte(s.headers[s.IntN(len(s.headers))] + "\r\n"), bytes.Join(lines[n:], nil)}, nil)
	case 12: // lines end as they should not
		return bytes.Replace(b, []byte("\r\n"), []byte([]string{"\n", "\r", "\r\r\n", "\n\r"}[s.IntN(4)]), 1+s.IntN(3))
	default: // as much as no limit allows, now and then
		if s.IntN(20) > 0 {
			return b
		}
		return put(bytes.Repeat(b[at:at+1], []int{4 << 10, 8 << 10, 140 << 10}[s.IntN(3)]))
	}
}

// exchange sends a stream on a connection of its own, says that no more will come, and
// reads all that is answered. cut is true where the server hung up before it had read
// everything: the kernel then throws away what the client has not yet read of the answer.
func exchange(dialer net.Dialer, address string, request []byte, answer *bytes.Buffer) (cut bool, err error) {
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(woltest.Patience)); err != nil {
		return false, err
	}
	_, writeErr := conn.Write(request)
	if half, ok := conn.(interface{ CloseWrite() error }); ok && writeErr == nil {
		writeErr = half.CloseWrite()
	}
	_, readErr := answer.ReadFrom(conn)
	for _, err := range []error{writeErr, readErr} {
		switch {
		case err == nil:
		case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ENOTCONN):
			cut = true
		default:
			return cut, err
		}
	}
	return cut, nil
}

// streams counts what becomes of byte streams.
type streams struct {
	key, address string // the good key, and where the gateway listens

	statusLine, receiptMAC, anyMAC *regexp.Regexp

	mu                      sync.Mutex
	sent, answered, cutOff  int
	statuses                map[string]int
	receipts, lost, packets map[wol.MAC]int
	complaints              int
}

// take looks at what was answered to one stream. Nothing of a request is ever repeated in
// an answer, so everything that looks like a status line is one.
func (s *streams) take(t *testing.T, request, answer []byte, cut bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	complain := func(format string, args ...any) {
		if s.complaints++; s.complaints <= 10 {
			t.Errorf("%s\nrequest: %.600q\nanswer: %.600q", fmt.Sprintf(format, args...), request, answer)
		}
	}
	s.sent++
	if err != nil {
		complain("no end: %v", err)
	}
	if cut {
		s.cutOff++
		for _, text := range s.anyMAC.FindAll(request, -1) {
			if mac, err := wol.ParseMAC(string(text)); err == nil {
				s.lost[mac]++
			}
		}
	}
	if len(answer) == 0 {
		return
	}
	s.answered++
	if at := s.statusLine.FindIndex(answer); at == nil || at[0] != 0 {
		complain("not HTTP")
	}
	for _, match := range s.statusLine.FindAllSubmatch(answer, -1) {
		status := string(match[1])
		s.statuses[status]++
		if status[0] == '5' && status != "501" && status != "505" {
			complain("status %s", status)
		}
	}
	for _, match := range s.receiptMAC.FindAllSubmatch(answer, -1) {
		mac, err := wol.ParseMAC(string(match[1]))
		if err != nil {
			complain("%v", err)
			continue
		}
		s.receipts[mac]++
		if !bytes.Contains(request, []byte(s.key)) {
			complain("%v was sent without the key", mac)
		}
	}
}

// count takes packets until no more come after stop is closed.
func (s *streams) count(t *testing.T, r *woltest.Receiver, stop <-chan struct{}) {
	for {
		packet, ok := r.Wait(500 * time.Millisecond)
		if ok {
			var p magicpacket.Packet
			if err := p.UnmarshalBinary(packet); err != nil {
				t.Errorf("%v: %x", err, packet)
			}
			s.mu.Lock()
			s.packets[wol.MAC(p.Target)]++
			s.mu.Unlock()
			continue
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// settle compares packets with receipts, one by one.
func (s *streams) settle(t *testing.T) {
	t.Helper()
	packets, stray, missing := 0, 0, 0
	for mac, n := range s.packets {
		packets += n
		if most := s.receipts[mac] + s.lost[mac]; n > most {
			if stray++; stray <= 10 {
				t.Errorf("%d packets for %v, which no answer explains: %d receipts, %d in requests whose answer was lost", n, mac, s.receipts[mac], s.lost[mac])
			}
		}
	}
	for mac := range s.receipts {
		if s.packets[mac] == 0 {
			if missing++; missing <= 10 {
				t.Errorf("a receipt for %v, and no packet", mac)
			}
		}
	}
	t.Logf("%d streams: %d answered, %d cut off; by status %v", s.sent, s.answered, s.cutOff, s.statuses)
	t.Logf("%d packets for %d targets with a receipt; %d without a reason, %d receipts without a packet", packets, len(s.receipts), stray, missing)
	if s.answered < s.sent/2 {
		t.Errorf("only %d of %d streams were answered", s.answered, s.sent)
	}
}

// pour sends n streams from a number of clients.
func (s *streams) pour(t *testing.T, seed uint64, clients, n int) {
	t.Helper()
	var next, target atomic.Int64
	var requests [][]byte
	for _, key := range []string{s.key, "", s.key[:len(s.key)-1] + "!"} {
		requests = append(requests, valid(key)...)
	}
	// Targets are told apart by seed as well, lest a packet of one pour explain another's.
	first := int(seed%8) << 28
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			made := stream{rand.New(rand.NewPCG(seed, uint64(client))), requests, headers(), func() wol.MAC { return woltest.MAC(first + int(target.Add(1))) }}
			var answer bytes.Buffer
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				request := made.make()
				// A connection leaves its pair of addresses and ports in TIME_WAIT for a minute, and
				// one address has 28,000 ports (ip(7)). All of 127.0.0.0/8 is this machine.
				source := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8 % 16), byte(i)})
				dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0)), Timeout: woltest.Patience}
				answer.Reset()
				cut, err := exchange(dialer, s.address, request, &answer)
				s.take(t, request, answer.Bytes(), cut, err)
			}
		})
	}
	group.Wait()
}

// TestSoakRandomStreams sends a million byte streams to the public port that are no
// requests any more, or nearly.
func TestSoakRandomStreams(t *testing.T) {
	const total, warmUp, clients = 1_000_000, 50_000, 64
	const mayGrow, slack = 16 << 20, 5
	// The gateway keeps an idle connection to the daemon for a minute, with two goroutines
	// at its end.
	const idle = 75 * time.Second
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--ops-listen", "127.0.0.1:0")
	metrics := "http://" + p.gateway.log.wait(t, "msg", "metrics")["address"].(string) + "/metrics"
	wake := func() {
		p.wake(t, someMAC).receipt(t)
		r.Next(t)
		http.DefaultClient.CloseIdleConnections()
	}
	wake()
	p.daemon.log.mute(true)
	p.gateway.log.mute(true)
	before := p.count(t, metrics)

	s := &streams{
		key: p.key, address: strings.TrimPrefix(p.url, "http://"),
		statusLine: regexp.MustCompile(`HTTP/1\.[01] (\d{3}) `),
		receiptMAC: regexp.MustCompile(`"mac_addr":"((?:[0-9a-f]{2}:){5}[0-9a-f]{2})"`),
		anyMAC:     regexp.MustCompile(`(?:[0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}`),
		statuses:   map[string]int{}, receipts: map[wol.MAC]int{}, lost: map[wol.MAC]int{}, packets: map[wol.MAC]int{},
	}
	stop, counted := make(chan struct{}), make(chan struct{})
	go func() { s.count(t, r, stop); close(counted) }()
	s.pour(t, seed, clients, warmUp)
	warm := p.gateway.memory(t, "VmRSS")
	s.pour(t, seed+1, clients, total)
	close(stop)
	<-counted
	s.settle(t)
	p.gateway.mustLive(t)
	p.daemon.mustLive(t)
	wake()

	var after map[string]int
	for deadline := time.Now().Add(idle); ; time.Sleep(time.Second) { // between two looks
		after = p.count(t, metrics)
		most := 0
		for what, n := range before {
			most = max(most, after[what]-n)
		}
		if most <= slack {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("before %v, after %v", before, after)
			break
		}
	}
	now := p.gateway.memory(t, "VmRSS")
	t.Logf("gateway: %s in memory after %d streams, %s after %d more; counted %v, then %v", mib(warm), warmUp, mib(now), total, before, after)
	if now > warm+mayGrow {
		t.Errorf("gateway: %s in memory after the warm-up, and %s at the end", mib(warm), mib(now))
	}
}
