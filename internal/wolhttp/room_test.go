package wolhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// bodyOf returns a request for many targets as it crosses the socket.
func bodyOf(t *testing.T, req wol.Request) string {
	t.Helper()
	body, err := json.Marshal(req.Body())
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// askSlowly sends a request for many targets on a connection of its own, and reads nothing.
func askSlowly(t *testing.T, path, body string) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "POST /wol HTTP/1.1\r\nHost: wol-server\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
}

// TestSlowReadersHoldFewAnswers has more peers ask than the daemon has room for. What they
// ask for would take 15 MB each if it were written out.
func TestSlowReadersHoldFewAnswers(t *testing.T) {
	failed := dead(70)
	var asked atomic.Int32
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		defer asked.Add(1)
		var receipts []wol.Receipt
		for n, target := range req.Targets { // no two lists are the same
			sent := []wol.Delivery{{Interface: "eth0", Destination: fmt.Sprintf("192.168.%d.%d:9", n/250, n%250), Bytes: 102}}
			receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, sent, failed))
		}
		return receipts, nil
	})
	path, body := serve(t, wolhttp.Handler(waker, noInterfaces, quiet())), bodyOf(t, many(wol.MaxTargets))
	before, most := heap(), int64(0)
	const peers = 60
	for range peers {
		askSlowly(t, path, body)
	}
	for began := time.Now(); time.Since(began) < time.Second; time.Sleep(10 * time.Millisecond) {
		most = max(most, heap()-before)
	}
	if asked.Load() < 8 || most > 24<<20 {
		t.Errorf("%d calls of %d peers hold up to %d MiB", asked.Load(), peers, most>>20)
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestSmallAnswersWaitForNoLargeOnes: single wakes come by the same route.
func TestSmallAnswersWaitForNoLargeOnes(t *testing.T) {
	t.Parallel()
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		var receipts []wol.Receipt
		for n, target := range req.Targets { // half a megabyte in all, which fits no socket's buffer
			sent := []wol.Delivery{{Destination: fmt.Sprint("192.168.100.255:", n+1), Bytes: 102}}
			receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, sent, dead(2)))
		}
		return receipts, nil
	})
	path, body := serve(t, wolhttp.Handler(waker, noInterfaces, quiet())), bodyOf(t, many(wol.MaxTargets))
	for range 40 { // more than there is room for
		askSlowly(t, path, body)
	}
	for range 20 {
		if _, err := client(t, path, woltest.Patience).Wake(t.Context(), one()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWithoutRoomNothingIsSent fills the room with calls that are not answered. One more is
// refused before the waker is asked, and room that is given back is room again.
func TestWithoutRoomNothingIsSent(t *testing.T) {
	t.Parallel()
	body := bodyOf(t, many(wol.MaxTargets))
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		hold := make(chan struct{})
		waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			asked.Add(1)
			<-hold
			return woltest.Receipts(req), nil
		})
		h := wolhttp.Handler(waker, noInterfaces, quiet())
		call := func(path string, body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, body)
			r.Header.Set("Wol-Deadline", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				if w := call("/wol", strings.NewReader(body)); w.Code != http.StatusOK && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1") {
					t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
				}
			})
		}
		synctest.Wait()
		time.Sleep(10 * time.Second) // longer than any call waits for room
		synctest.Wait()
		if n := asked.Load(); n < 8 || n > 32 {
			t.Errorf("%d calls have room", n)
		}
		chunked := struct{ io.Reader }{strings.NewReader(body)} // of a length that is not known
		if w := call("/wol", chunked); w.Code != http.StatusTooManyRequests {
			t.Errorf("one more: %d %s", w.Code, w.Body)
		}
		close(hold)
		calls.Wait()
		if w := call("/wol", strings.NewReader(body)); w.Code != http.StatusOK {
			t.Errorf("afterwards: %d %s", w.Code, w.Body)
		}
	})
}

// TestWaitingForRoomCountsAgainstTheDeadline: a call that names no deadline has 10 seconds
// from when it came, not from when there was room.
func TestWaitingForRoomCountsAgainstTheDeadline(t *testing.T) {
	t.Parallel()
	body := bodyOf(t, many(wol.MaxTargets))
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var late atomic.Int32
		waker := wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
			if at, _ := ctx.Deadline(); at.After(began.Add(10 * time.Second)) {
				late.Add(1)
			}
			time.Sleep(time.Second)
			return woltest.Receipts(req), nil
		})
		h := wolhttp.Handler(waker, noInterfaces, quiet())
		var calls sync.WaitGroup
		for range 40 { // more than there is room for
			calls.Go(func() {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://localhost/wol", strings.NewReader(body)))
			})
		}
		calls.Wait()
		if n := late.Load(); n > 0 {
			t.Errorf("%d calls have longer", n)
		}
	})
}
