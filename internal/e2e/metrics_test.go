package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
	"wolgate/internal/wol"
	"wolgate/internal/wolhttp"
	"wolgate/internal/woltest"
)

// samples are what a scrape says: by series, as Prometheus writes them.
type samples map[string]float64

func (p *process) scrape(t testing.TB) samples {
	t.Helper()
	response, err := http.Get("http://" + p.log.wait(t, "msg", "metrics")["address"].(string) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %v %s\n%s", err, response.Status, text)
	}
	all := samples{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if value == "" {
			series, value, _ = strings.Cut(series, " ")
		} else {
			series += "}"
		}
		if all[series], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	return all
}

// of returns the series of one metric.
func (s samples) of(name string) samples {
	found := maps.Clone(s)
	maps.DeleteFunc(found, func(series string, _ float64) bool { return !strings.HasPrefix(series, name+"{") && series != name })
	return found
}

func wakesBy(outcome string) string { return fmt.Sprintf("wolgate_wakes_total{outcome=%q}", outcome) }

func packetsBy(iface, outcome string) string {
	return fmt.Sprintf("wolgate_packets_total{interface=%q,outcome=%q}", iface, outcome)
}

// TestMetricsTellWhatBecameOfWakes has one LAN fail, then both, and compares with
// what the answers said.
func TestMetricsTellWhatBecameOfWakes(t *testing.T) {
	lantest.Require(t)
	lana := lantest.New(t, "lana", "10.10.0.1/24")
	lanb := lantest.New(t, "lanb", "10.20.0.1/24")
	list := filepath.Join(t.TempDir(), "allow")
	if err := os.WriteFile(list, []byte(someMAC+"\n02:00:00:00:00:01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := start(t, setup{daemon: []string{"--repeat", "3", "--allow", list}, gateway: []string{"--ops-listen", "127.0.0.1:0"}})
	wakes, packets := samples{}, samples{}
	for _, outcome := range []string{"sent", "partial", "failed", "refused", "unknown"} {
		wakes[wakesBy(outcome)] = 0
	}
	before := st.gateway.scrape(t)
	if diff := cmp.Diff(wakes, before.of("wolgate_wakes_total")); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	if before["wolgate_keys"] != 1 || before["wolgate_first_packet_seconds_count"] != 0 || len(before.of("wolgate_build_info")) != 1 {
		t.Errorf("at the start: %v", before)
	}

	single := 0.0
	deliver := func(r wol.Receipt) {
		for _, d := range r.Sent {
			packets[packetsBy(d.Interface, "sent")]++
			packets[packetsBy(d.Interface, "failed")] += 0
		}
		for _, f := range r.Failed {
			packets[packetsBy(f.Interface, "failed")]++
			packets[packetsBy(f.Interface, "sent")] += 0
		}
		wakes[wakesBy(string(r.Status))]++
	}
	until := func(want wol.Outcome) {
		st.wakeUntil(t, func(a answer) bool {
			if a.status == http.StatusOK {
				r := a.receipt(t)
				deliver(r)
				single++
				return r.Status == want
			}
			p := a.problem(t)
			deliver(wol.NewReceipt(wol.MAC{}, "", nil, p.Failed))
			return p.Code == wol.Unavailable && want == wol.Failed
		})
	}
	until(wol.Sent)
	if a := st.ask(t, http.MethodPost, "/api/v1/wol", `{"targets":[{"mac_addr":"`+someMAC+`"},{"mac_addr":"02:00:00:00:00:01"},{"mac_addr":"`+someMAC+`"}]}`); a.status != http.StatusOK {
		t.Fatalf("%s", a.body)
	} else {
		many, err := wol.ParseReceipts(a.body)
		if err != nil {
			t.Fatal(err)
		}
		deliver(many.Receipts[0])
		deliver(many.Receipts[1]) // the third is the first
	}
	if p := st.wake(t, "02:00:00:00:00:02").problem(t); p.Code != wol.Forbidden {
		t.Fatalf("%+v", p)
	}
	wakes[wakesBy("refused")]++
	lanb.Down()
	until(wol.Partial)
	lana.Down()
	until(wol.Failed)

	after := st.gateway.scrape(t)
	if diff := cmp.Diff(wakes, after.of("wolgate_wakes_total")); diff != "" {
		t.Errorf("wakes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(packets, after.of("wolgate_packets_total")); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
	if after["wolgate_first_packet_seconds_count"] != single || after["wolgate_first_packet_seconds_sum"] <= 0 || after["wolgate_first_packet_seconds_sum"] > 5*single {
		t.Errorf("%v of %v first packets in %vs", after["wolgate_first_packet_seconds_count"], single, after["wolgate_first_packet_seconds_sum"])
	}
	for _, outcome := range []string{"sent", "partial", "failed", "refused"} {
		if wakes[wakesBy(outcome)] == 0 {
			t.Errorf("nothing was %s", outcome)
		}
	}
}

// TestMetricsTellWhetherTheDaemonIsThere ends it, starts it again, and puts something
// that never answers in its place.
func TestMetricsTellWhetherTheDaemonIsThere(t *testing.T) {
	t.Parallel()
	r := woltest.Listen(t)
	p := startPrograms(t, loopback(r), "--ops-listen", "127.0.0.1:0", "--timeout", "1m")
	becomes := func(want float64) {
		t.Helper()
		for deadline := time.Now().Add(woltest.Patience); ; time.Sleep(50 * time.Millisecond) { // between two looks
			began := time.Now()
			got := p.gateway.scrape(t)["wolgate_daemon_up"]
			if took := time.Since(began); took > 3*time.Second { // a second for the daemon, and a busy machine
				t.Errorf("a scrape took %v", took)
			}
			if got == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("wolgate_daemon_up stays %v", got)
			}
		}
	}
	becomes(1)
	p.daemon.signal(syscall.SIGKILL)
	_ = p.daemon.exit(t)
	becomes(0)
	p.startDaemon(t)
	becomes(1)
	p.daemon.signal(syscall.SIGSTOP)
	becomes(0)
	p.daemon.signal(syscall.SIGCONT)
	becomes(1)
}

// TestMetricsStayBounded has a daemon that makes up interfaces and clients that make
// up everything else.
func TestMetricsStayBounded(t *testing.T) {
	t.Parallel()
	socket := woltest.SocketPath(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	noise := rand.New(rand.NewPCG(1, 2))
	letters := []rune("ab01./: \n\"\\{}é\u202e\x00\U0001f600")
	word := func() string {
		runes := make([]rune, 1+noise.IntN(30))
		for i := range runes {
			runes[i] = letters[noise.IntN(len(letters))]
		}
		return string(runes)
	}
	made := make([]string, 5000)
	for i := range made {
		made[i] = word()
		if i%2 == 0 {
			made[i] = fmt.Sprintf("eth%d", i)
		}
	}
	daemon := http.Server{Handler: wolhttp.Handler(wol.WakerFunc(func(_ context.Context, req wol.Request) ([]wol.Receipt, error) {
		receipts := woltest.Receipts(req)
		for _, name := range made {
			receipts[0].Sent = append(receipts[0].Sent, wol.Delivery{Interface: name, Destination: "x", Bytes: 102})
			receipts[0].Failed = append(receipts[0].Failed, wol.Failure{Interface: name, Destination: name, Error: name})
		}
		receipts[0].Status = wol.Partial
		return receipts, nil
	}), nil, slog.New(slog.DiscardHandler))}
	go func() { _ = daemon.Serve(l) }()
	t.Cleanup(func() { _ = daemon.Close() })
	st := newStack(t, "", socket)
	st.startGateway(t, "--ops-listen", "127.0.0.1:0")
	if got := st.wake(t, someMAC).receipt(t); len(got.Sent) != len(made)+1 {
		t.Fatalf("%d deliveries", len(got.Sent))
	}
	all := st.gateway.scrape(t)
	total := 0.0
	for _, n := range all.of("wolgate_packets_total") {
		total += n
	}
	if n := len(all.of("wolgate_packets_total")); n != 2*(64+1) || total != float64(2*len(made)+1) {
		t.Errorf("%d series with %v packets", n, total)
	}
	if all[packetsBy("other", "sent")] == 0 || all[packetsBy("eth0", "sent")] != 2 {
		t.Errorf("packets: %v", all.of("wolgate_packets_total"))
	}

	methods := []string{"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE"}
	hostile := func(n int) int {
		for range n {
			request := fmt.Sprintf("%s /%x/%x HTTP/1.1\r\nHost: %x\r\nAuthorization: Bearer %x\r\nX-Request-ID: %x\r\nConnection: close\r\n\r\n",
				methods[noise.IntN(len(methods))], word(), word(), word(), word(), word())
			if noise.IntN(3) == 0 {
				request = strings.Replace(request, "/", "/api/v1/wol/", 1)
			}
			if noise.IntN(5) == 0 {
				request = fmt.Sprintf("%X", word()) + request
			}
			woltest.Raw(t, strings.TrimPrefix(st.url, "http://"), request)
		}
		return len(st.gateway.scrape(t))
	}
	first := hostile(300)
	if again := hostile(300); again > first+20 { // another status of a route that is known
		t.Errorf("%d series, then %d", first, again)
	}
	for series := range st.gateway.scrape(t).of("wolgate_requests_total") {
		if !strings.Contains(series, `route="none"`) && !strings.Contains(series, `route="/api/v1/wol/:mac_addr"`) {
			t.Errorf("a client has made up %s", series)
		}
	}
}
