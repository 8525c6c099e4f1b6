package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/audit"
	"wolgate/internal/logs"
	"wolgate/internal/wol"
	"wolgate/internal/woltest"
)

// line is what these tests read of one.
type line struct {
	Time       time.Time
	Msg, Event string
	Seq        int
	Suppressed int
	Lines      int
}

// parse decodes text, every line of which must be one object.
func parse[T any](t *testing.T, text string) (lines []T) {
	t.Helper()
	for one := range strings.Lines(text) {
		var l T
		if err := json.Unmarshal([]byte(one), &l); err != nil {
			t.Fatalf("%v: %q", err, one)
		}
		lines = append(lines, l)
	}
	return lines
}

// started returns an audit log of which every other line of the program is muted.
func started() (*audit.Log, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return audit.New(logs.Config{Level: "error", Format: "json"}.New(out)), out
}

// check holds what is true of every audit log: numbers without a gap, and no more
// than ten lines of a security event in any second. It returns how many events of
// each name the lines stand for.
func check(t *testing.T, lines []line) map[string]int {
	t.Helper()
	total, times := map[string]int{}, map[string][]time.Time{}
	for i, l := range lines {
		if l.Msg != "audit" || l.Seq != i+1 {
			t.Fatalf("line %d is %+v", i+1, l)
		}
		total[l.Event] += max(1, l.Suppressed)
		times[l.Event] = append(times[l.Event], l.Time)
	}
	for name, at := range times {
		for i := 10; name != "wake" && i < len(at); i++ {
			if span := at[i].Sub(at[i-10]); span < time.Second {
				t.Fatalf("%s: eleven lines within %v", name, span)
			}
		}
	}
	return total
}

// wake asks for one target, of which err or one packet becomes.
func wake(log *audit.Log, req wol.Request, err error) {
	req.Targets = []wol.Target{{MAC: woltest.MAC(1)}}
	next := wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		if err != nil {
			return nil, err
		}
		return woltest.Receipts(req), nil
	})
	_, _ = audit.Wakes(next, log).Wake(context.Background(), req)
}

func TestLines(t *testing.T) {
	t.Parallel()
	log, out := started()
	source := netip.MustParseAddr("2001:db8::7")
	log.Event(audit.Event{Name: audit.Startup})
	log.Event(audit.Event{Name: audit.AuthzFail, RequestID: "r1", By: wol.Caller{Grant: "k1", Via: "api", Source: source}, Route: "/api/v1/wol/:mac_addr", Detail: "target"})
	wake(log, wol.Request{ID: "r2", By: wol.Caller{Grant: "k2", Source: source}}, nil)
	wake(log, wol.Request{ID: "r3"}, &wol.Error{Kind: wol.Unavailable})
	wake(log, wol.Request{ID: "r4"}, &wol.Error{Kind: wol.RateLimited, Message: "wait"})
	got := parse[map[string]any](t, out.String())
	for _, l := range got {
		if at, _ := l["time"].(string); !strings.HasSuffix(at, "Z") {
			t.Errorf("time is %q", at)
		}
		delete(l, "time")
	}
	want := []map[string]any{
		{"level": "INFO", "msg": "audit", "event": "sys_startup", "seq": 1.},
		{"level": "WARN", "msg": "audit", "event": "authz_fail", "seq": 2., "request_id": "r1", "key_id": "k1", "via": "api", "source": "2001:db8::7", "route": "/api/v1/wol/:mac_addr", "detail": "target"},
		{"level": "INFO", "msg": "audit", "event": "wake", "seq": 3., "request_id": "r2", "key_id": "k2", "source": "2001:db8::7", "target": "02:00:00:00:00:01", "outcome": "sent", "packets": 1.},
		{"level": "WARN", "msg": "audit", "event": "wake", "seq": 4., "request_id": "r3", "target": "02:00:00:00:00:01", "outcome": "failed", "code": "unavailable", "packets": 0.},
		{"level": "WARN", "msg": "audit", "event": "wake", "seq": 5., "request_id": "r4", "target": "02:00:00:00:00:01", "outcome": "refused", "code": "rate_limited", "packets": 0.},
		{"level": "WARN", "msg": "audit", "event": "excess_rate_limit_exceeded", "seq": 6., "request_id": "r4", "detail": "wait"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[audit.Name]string{
		audit.LoginFail: "authn_login_fail", audit.AuthzFail: "authz_fail", audit.InputFail: "input_validation_fail",
		audit.RateLimitExceeded: "excess_rate_limit_exceeded", audit.CORS: "malicious_cors", audit.Startup: "sys_startup",
		audit.Shutdown: "sys_shutdown", audit.TokenCreated: "authn_token_created", audit.TokenRevoked: "authn_token_revoked",
		audit.PermissionsChanged: "privilege_permissions_changed",
		0:                        "unknown", 255: "unknown",
	} {
		log, out := started()
		log.Event(audit.Event{Name: name})
		if got := parse[line](t, out.String()); len(got) != 1 || got[0].Event != want {
			t.Errorf("%d: %+v, want %s", name, got, want)
		}
	}
}

// TestAFloodHidesNobody: others try as well while two sites, from another of their IPv6
// networks each time, make thousands of events a second. Each of theirs has its line, and
// a second after the last event all are counted, without Close.
func TestAFloodHidesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := started()
		flooder := netip.MustParseAddr("2001:db8::1").As16()
		const seconds = 20
		for n := range seconds * 1000 {
			if n%1000 == 777 {
				log.Event(audit.Event{Name: audit.LoginFail, RequestID: "other", By: wol.Caller{Source: netip.MustParseAddr("198.51.100.9")}})
			}
			flooder[5], flooder[6], flooder[7] = byte(n%2), byte(n>>8), byte(n) // of a /48, its /64
			log.Event(audit.Event{Name: audit.LoginFail, RequestID: "flood", By: wol.Caller{Source: netip.AddrFrom16(flooder)}})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		text := out.String()
		lines := parse[line](t, text)
		total := check(t, lines)
		other, told := strings.Count(text, `"other"`), strings.Count(text, `"flood"`)
		if other != seconds || told < 2*seconds || total["authn_login_fail"] != seconds*1001 {
			t.Errorf("%d lines of others and %d of the flood, %v in all", other, told, total)
		}
		log.Close()
		if out.Len() != len(text) {
			t.Errorf("more: %s", out.String()[len(text):])
		}
	})
}

// TestWhatStrangersCannotProvokeIsNotSummedUp: one edit of the key file may take many
// keys out, and each is told.
func TestWhatStrangersCannotProvokeIsNotSummedUp(t *testing.T) {
	t.Parallel()
	log, out := started()
	for n := range 50 {
		log.Event(audit.Event{Name: audit.TokenRevoked, By: wol.Caller{Grant: fmt.Sprint(n)}})
	}
	if lines := parse[line](t, out.String()); len(lines) != 50 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestCloseCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := started()
		for range 50_000 {
			log.Event(audit.Event{Name: audit.LoginFail})
		}
		log.Close()
		log.Close()
		time.Sleep(time.Hour)
		lines := parse[line](t, out.String())
		check(t, lines)
		if len(lines) != 4 || lines[3].Suppressed != 49_997 {
			t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
		}
	})
}

// TestConcurrency has wakes, events and floods from many sides: no wake is summed
// up, and no number missing or out of order.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := started()
		const sides, each = 50, 200
		var group sync.WaitGroup
		for range sides {
			group.Go(func() {
				for range each {
					wake(log, wol.Request{}, nil)
					log.Event(audit.Event{Name: audit.LoginFail})
					log.Event(audit.Event{Name: audit.InputFail})
					time.Sleep(time.Duration(rand.IntN(int(20 * time.Millisecond))))
				}
			})
		}
		group.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		want := map[string]int{"wake": sides * each, "authn_login_fail": sides * each, "input_validation_fail": sides * each}
		if diff := cmp.Diff(want, check(t, parse[line](t, out.String()))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestHostileStrings(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		for _, evil := range []string{
			"a\r\n{\"msg\":\"audit\",\"seq\":1}\n", "\x1b[31mred\x1b]0;title\a", "\u2028\u2029\u0085\u009b31m\u202e\ufeff\x00\x7f",
			"\xff\xfe\xc3\x28\xed\xa0\x80", strings.Repeat("x", 3000), strings.Repeat("\xe2\x82", 1500), strings.Repeat("€", 1000), strings.Repeat("\"\\", 1500),
			`" level=ERROR msg="forged`,
		} {
			var out bytes.Buffer
			log := audit.New(logs.Config{Level: "info", Format: format}.New(&out))
			source := netip.MustParseAddr("fe80::1").WithZone(evil)
			by := wol.Caller{Grant: evil, Via: evil, Source: source}
			log.Event(audit.Event{Name: audit.InputFail, RequestID: evil, By: by, Route: evil, Detail: evil})
			wake(log, wol.Request{ID: evil, By: by}, &wol.Error{Kind: wol.Kind(evil)})
			text := out.String()
			if strings.Count(text, "\n") != 2 || !strings.HasSuffix(text, "\n") || len(text) > 3000 || !utf8.ValidString(text) {
				t.Errorf("%.20q: %d bytes: %q", evil, len(text), text)
			}
			plain := strings.ReplaceAll(text, "\n", "")
			if i := strings.IndexFunc(plain, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%.20q: %q is not printable", evil, plain[i:])
			}
			if format == "text" {
				continue
			}
			for i, l := range parse[map[string]any](t, text) {
				if l["seq"] != float64(i+1) || l["msg"] != "audit" {
					t.Errorf("%.20q: %v", evil, l)
				}
				for key, value := range l {
					if s, ok := value.(string); ok && len(s) > 64 && (key != "detail" || len(s) > 256) {
						t.Errorf("%s has %d bytes", key, len(s))
					}
				}
			}
		}
	}
}

// TestStuckReader has a log that nobody reads: a call that waited for it would be
// a deadlock, which synctest reports. Afterwards the missing numbers are exactly
// the lines that the Sink says it has dropped.
func TestStuckReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		sink := logs.NewSink(w)
		log := audit.New(logs.Config{Level: "info", Format: "json"}.New(sink))
		const wakes = 20_000
		for n := range wakes {
			wake(log, wol.Request{ID: fmt.Sprint(n)}, nil)
			log.Event(audit.Event{Name: audit.LoginFail})
		}
		log.Close()
		go func() {
			sink.Close(time.Minute)
			w.Close()
		}()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines := parse[line](t, string(text))
		dropped := 0
		lines = slices.DeleteFunc(lines, func(l line) bool { dropped += l.Lines; return l.Lines > 0 })
		for i, l := range lines {
			if l.Seq != i+1 {
				t.Fatalf("line %d is %+v", i+1, l)
			}
		}
		if all := wakes + 4; dropped == 0 || len(lines)+dropped != all {
			t.Errorf("%d lines and %d dropped, want %d together", len(lines), dropped, all)
		}
	})
}
