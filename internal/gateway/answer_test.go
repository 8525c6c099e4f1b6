package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// dead returns a waker of a host with one interface that sends, and that many without
// carrier.
func dead(interfaces int, asked *atomic.Int32) wol.Waker {
	sent := []wol.Delivery{{Interface: "eth0", Destination: "192.168.1.255:9", Bytes: 102}}
	var failed []wol.Failure
	for n := range 2 * interfaces {
		failed = append(failed, wol.Failure{Interface: fmt.Sprint("lan", n/2), Destination: fmt.Sprintf("10.%d.0.255:9", n), Error: "no carrier"})
	}
	return wol.WakerFunc(func(_ context.Context, req wol.Request) (receipts []wol.Receipt, _ error) {
		asked.Add(1)
		for _, target := range req.Targets {
			receipts = append(receipts, wol.NewReceipt(target.MAC, req.ID, sent, failed))
		}
		return receipts, nil
	})
}

func bulk(t *testing.T, targets int) string {
	t.Helper()
	var req wol.Request
	for n := range targets {
		req.Targets = append(req.Targets, wol.Target{MAC: woltest.MAC(n + 1)})
	}
	body, err := json.Marshal(req.Body())
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestLargeAnswersSayOnceWhatFailed: an answer of a usual size has every list in every
// receipt, as ever; one that would be large says so by same_as.
func TestLargeAnswersSayOnceWhatFailed(t *testing.T) {
	t.Parallel()
	for interfaces, listed := range map[int]int{2: wol.MaxTargets, 70: 1} {
		var asked atomic.Int32
		waker := dead(interfaces, &asked)
		d := open(t, func(o *Options) { o.Waker = waker })
		a := d.call(t, http.MethodPost, bulkPath, bulk(t, wol.MaxTargets), "Authorization", d.wake, "Content-Type", "application/json")
		if a.StatusCode != http.StatusOK || a.ContentLength != int64(len(a.body)) || len(a.body) > largeAnswer || a.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d interfaces: %d %v, %d bytes: %.300s", interfaces, a.StatusCode, a.Header, len(a.body), a.body)
		}
		if n := strings.Count(a.body, `"lan0","destination":"10.0.0.255:9"`); n != listed || strings.Contains(a.body, "same_as") != (listed == 1) {
			t.Errorf("%d interfaces: a failure is listed %d times, want %d: %.300s", interfaces, n, listed, a.body)
		}
		got, err := wol.ParseReceipts([]byte(a.body))
		if err != nil {
			t.Fatal(err)
		}
		var req wol.Request
		for _, r := range got.Receipts {
			req.ID, req.Targets = r.RequestID, append(req.Targets, wol.Target{MAC: r.MAC})
		}
		want, _ := waker.Wake(t.Context(), req)
		if diff := cmp.Diff(want, got.Receipts); diff != "" {
			t.Errorf("%d interfaces (-want +got):\n%s", interfaces, diff)
		}
	}
}

// TestSlowReadersHoldLittleMemory has clients ask for large answers and read none of them.
// Those beyond what there is memory for are refused, nothing is sent for them, and wakes of
// one target go on.
func TestSlowReadersHoldLittleMemory(t *testing.T) {
	var asked atomic.Int32
	d := open(t, func(o *Options) {
		o.Waker, o.Log = dead(70, &asked), slog.New(slog.DiscardHandler) // its lines would be held
	})
	body := bulk(t, wol.MaxTargets)
	request := fmt.Sprintf("POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", d.wake, len(body), body)
	const clients = 30
	pipeline := strings.Repeat(request, 20) // one answer fits into the kernel's buffers
	before, most := heap(), int64(0)
	for range clients {
		d.say(t, pipeline)
	}
	for began := time.Now(); time.Since(began) < time.Second; time.Sleep(10 * time.Millisecond) {
		most = max(most, heap()-before)
	}
	if asked.Load() == 0 || most > 48<<20 {
		t.Errorf("%d calls hold up to %d MiB", asked.Load(), most>>20)
	}
	if a := d.call(t, http.MethodPost, target, "", "Authorization", d.wake); a.StatusCode != http.StatusOK {
		t.Errorf("a wake of one target: %d %s", a.StatusCode, a.body)
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestWithoutRoomNothingIsAsked fills the room with calls that are not answered. One more is
// refused before the daemon is asked, and room that is given back is room again.
func TestWithoutRoomNothingIsAsked(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	var asked atomic.Int32
	d := open(t, func(o *Options) {
		o.Waker = wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
			asked.Add(1)
			<-hold
			return woltest.Receipts(req), nil
		})
		o.Log = slog.New(slog.DiscardHandler) // a line for each of 100,000 targets takes its time
	})
	body := bulk(t, wol.MaxTargets)
	const calls = 60
	statuses := make(chan string, calls)
	request := fmt.Sprintf("POST /api/v1/wol HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", d.wake, len(body), body)
	for range calls {
		c := d.say(t, request)
		go func() {
			text, _ := io.ReadAll(c)
			statuses <- statusOf(string(text))
		}()
	}
	count := map[string]int{}
	first := <-statuses // which is refused, because none is answered yet
	release()
	count[first]++
	for range calls - 1 {
		count[<-statuses]++
	}
	if n := int(asked.Load()); first != "429" || count["200"] != n || count["429"] != calls-n || n < 16 {
		t.Errorf("first %s; %v, of which the daemon was asked %d times", first, count, n)
	}
	for range calls { // what each has taken is back
		if a := d.call(t, http.MethodPost, bulkPath, body, "Authorization", d.wake, "Content-Type", "application/json"); a.StatusCode != http.StatusOK {
			t.Fatalf("afterwards: %d %s", a.StatusCode, a.body)
		}
	}
	if got := d.counts.take()["limited: memory"]; got != count["429"] {
		t.Errorf("%d refusals counted, want %d", got, count["429"])
	}
}
