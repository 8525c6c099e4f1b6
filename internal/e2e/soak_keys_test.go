//go:build soak

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// TestSoakBadKeys has forty clients try keys as fast as they are refused. A client with a
// good key, at the same address, is served in time meanwhile, and the log stays short.
func TestSoakBadKeys(t *testing.T) {
	const clients, goodPerSecond = 40, 50
	const span, mostLate = 15 * time.Second, 50 * time.Millisecond
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r))
	address := strings.TrimPrefix(p.url, "http://")
	bad := strings.TrimSuffix(p.key, p.key[len(p.key)-1:]) + "!"
	stop := make(chan struct{})
	var mu sync.Mutex
	statuses := map[int]int{}
	var attack sync.WaitGroup
	for range clients {
		attack.Go(func() {
			counts, err := tryKey(address, bad, stop)
			mu.Lock()
			defer mu.Unlock()
			for status, n := range counts {
				statuses[status] += n
			}
			if err != nil {
				t.Errorf("a client with a bad key: %v", err)
			}
		})
	}
	good := p.wakeFor(span, goodPerSecond)
	close(stop)
	attack.Wait()
	judge(t, good, mostLate)
	seconds := int(span.Seconds())
	t.Logf("%d tries of a bad key a second: %d answers 401 and %d answers 429 in all, %d a second", (statuses[401]+statuses[429])/seconds, statuses[401], statuses[429], statuses[429]/seconds)
	for status, n := range statuses {
		if status != http.StatusUnauthorized && status != http.StatusTooManyRequests {
			t.Errorf("%d answers with status %d", n, status)
		}
	}
	if statuses[http.StatusTooManyRequests] < 1000*seconds {
		t.Errorf("%d tries in %v: that is no attack", statuses[http.StatusTooManyRequests], span)
	}
	refusals, lines := 0, 0
	for line := range strings.Lines(p.gateway.log.String()) {
		lines++
		if strings.Contains(line, `"level":"WARN"`) {
			refusals++
		}
	}
	// Of the requests, ten at once and one in ten seconds are told; of the security events,
	// ten in any second. Good wakes are all told, and are no warnings.
	most := 30 + 10*(seconds+2)
	t.Logf("the gateway wrote %d lines, %d of them of refusals, of which %d may be", lines, refusals, most)
	if refusals > most {
		t.Errorf("%d lines of refusals, want %d at most", refusals, most)
	}
}

// tryKey asks with a key on one connection, each time as soon as it has an answer, until
// stop is closed.
func tryKey(address, key string, stop <-chan struct{}) (map[int]int, error) {
	statuses := map[int]int{}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return statuses, err
	}
	defer conn.Close()
	request := fmt.Sprintf("POST /api/v1/wol/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", someMAC, key)
	answers := bufio.NewReader(conn)
	for {
		select {
		case <-stop:
			return statuses, nil
		default:
		}
		if err := conn.SetDeadline(time.Now().Add(woltest.Patience)); err != nil {
			return statuses, err
		}
		if _, err := io.WriteString(conn, request); err != nil {
			return statuses, err
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return statuses, err
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return statuses, err
		}
		statuses[answer.StatusCode]++
	}
}
