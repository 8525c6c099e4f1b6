package wolhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// TestRefusalsCannotFillTheLog refuses a thousand requests a second, for ten.
func TestRefusalsCannotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil })
		h := wolhttp.Handler(waker, noInterfaces, slog.New(slog.NewJSONHandler(&out, nil)))
		refuse := func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://localhost/nothing", nil))
		}
		const refused = 10_000
		for range refused {
			refuse()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour)
		refuse() // tells of those before it
		var at []time.Time
		told := 0
		for line := range bytes.Lines(out.Bytes()) {
			var said struct {
				Time    time.Time
				Msg     string
				Omitted int
			}
			if err := json.Unmarshal(line, &said); err != nil || said.Msg != "refused" {
				t.Fatalf("%v: %s", err, line)
			}
			at = append(at, said.Time)
			told += 1 + said.Omitted
		}
		if told != refused+1 {
			t.Errorf("%d lines tell of %d refusals, want %d", len(at), told, refused+1)
		}
		if len(at) != 101 {
			t.Errorf("%d lines, want 10 a second and one", len(at))
		}
		for i := 10; i < len(at); i++ {
			if gap := at[i].Sub(at[i-10]); gap < time.Second {
				t.Errorf("11 lines within %v", gap)
			}
		}

		out.Reset() // wakes have their line, each of them
		for range 1000 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/wol/02:00:00:00:00:01", nil))
		}
		if n := strings.Count(out.String(), `"wake sent"`); n != 1000 {
			t.Errorf("%d lines for 1000 wakes", n)
		}
	})
}

// TestWakeLineCountsTheWire names one target three times: it is sent once.
func TestWakeLineCountsTheWire(t *testing.T) {
	t.Parallel()
	failing := woltest.MAC(2)
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		receipts := woltest.Receipts(req)
		for i, target := range req.Targets {
			if target.MAC == failing {
				receipts[i] = wol.NewReceipt(target.MAC, req.ID, nil, []wol.Failure{{Interface: "eth0", Destination: "x", Error: "y"}})
			}
		}
		return receipts, nil
	})
	one, two := `{"mac_addr":"`+woltest.MAC(1).String()+`"}`, `{"mac_addr":"`+failing.String()+`"}`
	password := `{"mac_addr":"` + woltest.MAC(1).String() + `","secureon":"c0a80107"}`
	for targets, want := range map[string]string{
		one: `"targets":1,"mac":["02:00:00:00:00:01"],"packets":1}`,
		strings.Join([]string{one, one, one}, ","):      `"targets":1,"mac":["02:00:00:00:00:01"],"packets":1}`,
		strings.Join([]string{one, password, one}, ","): `"targets":2,"mac":["02:00:00:00:00:01","02:00:00:00:00:01"],"packets":2}`, // another packet
		strings.Join([]string{two, one, two}, ","):      `"targets":2,"mac":["02:00:00:00:00:02","02:00:00:00:00:01"],"packets":1,"targets_not_sent":1,"failed":{"eth0 x y":1}}`,
	} {
		var out bytes.Buffer
		plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case "time", "level", "took_ms", "request_id":
				return slog.Attr{}
			}
			return a
		}}
		h := wolhttp.Handler(waker, noInterfaces, slog.New(slog.NewJSONHandler(&out, plain)))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/wol", strings.NewReader(`{"targets":[`+targets+`]}`)))
		if !strings.HasSuffix(out.String(), want+"\n") {
			t.Errorf("%s:\n%swant %s", targets, out.String(), want)
		}
	}
}
