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

	"wolgate/internal/policy"
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
		log := slog.New(slog.NewJSONHandler(&out, nil))
		h := wolhttp.Handler(wolhttp.LogWakes(waker, log), noInterfaces, log)
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

// TestUnsentWakesCannotFillTheLog: what the daemon's own rules refuse costs no packet,
// so nothing else would bound how often it is asked for.
func TestUnsentWakesCannotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		waker := wol.WakerFunc(func(context.Context, wol.Request) ([]wol.Receipt, error) {
			return nil, &wol.Error{Kind: wol.Forbidden, Message: "not allowed"}
		})
		log := slog.New(slog.NewJSONHandler(&out, nil))
		h := wolhttp.Handler(wolhttp.LogWakes(waker, log), noInterfaces, log)
		for range 10_000 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/wol/"+woltest.MAC(1).String(), nil))
			time.Sleep(time.Millisecond)
		}
		if n := strings.Count(out.String(), "\n"); n < 50 || n > 110 || !strings.Contains(out.String(), `"omitted":`) {
			t.Errorf("%d lines in ten seconds", n)
		}
	})
}

// TestACutCallIsAnswered: at the daemon's end the contexts of its calls have ended,
// and what was sent is to be told all the same.
func TestACutCallIsAnswered(t *testing.T) {
	t.Parallel()
	waker := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) { return woltest.Receipts(req), nil })
	h := wolhttp.Handler(waker, noInterfaces, quiet())
	body := `{"targets":[` + strings.TrimSuffix(strings.Repeat(`{"mac_addr":"02:00:00:00:00:01"},`, 1000), ",") + `]}`
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost/wol", strings.NewReader(body)).WithContext(ctx))
		if w.Code != 200 || w.Body.Len() < 1000*100 {
			t.Fatalf("status %d, %d bytes", w.Code, w.Body.Len())
		}
	}
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
		log := slog.New(slog.NewJSONHandler(&out, plain))
		h := wolhttp.Handler(policy.Distinct(wolhttp.LogWakes(waker, log)), noInterfaces, log)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/wol", strings.NewReader(`{"targets":[`+targets+`]}`)))
		if !strings.HasSuffix(out.String(), want+"\n") {
			t.Errorf("%s:\n%swant %s", targets, out.String(), want)
		}
	}
}
