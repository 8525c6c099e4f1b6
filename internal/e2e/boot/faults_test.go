package boot_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// killed: the next wake works, that of a gateway which is itself just coming back as
// soon as it is there.
func killed(t *testing.T, m *machine) {
	for _, unit := range []string{"wol-server", "api-server"} {
		pid := m.property(t, unit, "MainPID")
		m.sh(t, "kill -9 "+pid)
		start := time.Now()
		if unit == "api-server" {
			m.restarted(t, unit, pid)
		}
		m.wake(t)
		if m.property(t, unit, "MainPID") == pid {
			t.Errorf("%s was not killed", unit)
		}
		t.Logf("%s: killed to woken through in %v", unit, time.Since(start).Round(time.Millisecond))
	}
}

// restartedUnderCalls: eight restarts of the daemon under fifty calls a second. systemd
// keeps the socket, so calls wait in it; one that has already reached the daemon is
// answered before it ends. 503 is what the contract allows; there was none yet.
func restartedUnderCalls(t *testing.T, m *machine) {
	m.write(t, "api-server", "API_RATE=0") // for good: an upgrade has to keep it
	m.sh(t, "systemctl restart api-server")
	gateway := m.property(t, "api-server", "MainPID")
	var mu sync.Mutex
	counts := map[string]int{}
	var slowest time.Duration
	one := func() {
		start := time.Now()
		status, _, body, err := m.request()
		result := fmt.Sprint(status, " ", body)
		if status == http.StatusOK {
			result = "ok"
		}
		if err != nil {
			result = err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		counts[result]++
		slowest = max(slowest, time.Since(start))
	}
	ctx, stop := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	calls.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			calls.Go(one)
		}
	})
	for range 8 {
		m.sh(t, "systemctl restart wol-server")
	}
	stop()
	calls.Wait()
	t.Logf("calls during the restarts: %v; the slowest took %v", counts, slowest.Round(time.Millisecond))
	for result := range counts {
		if result != "ok" && !strings.HasPrefix(result, "503 ") {
			t.Errorf("a call came to %s", result)
		}
	}
	if counts["ok"] < 50 {
		t.Errorf("%d calls succeeded, which proves little", counts["ok"])
	}
	if m.property(t, "api-server", "MainPID") != gateway {
		t.Error("the gateway did not outlive the daemon's restarts")
	}
	m.wake(t)
}

// stuck: both programs stop as they are. Only the watchdog can find that, here sooner
// than the half minute that the units give.
func stuck(t *testing.T, m *machine) {
	units := []string{"wol-server", "api-server"}
	const sooner = "/run/systemd/system/%s.service.d/sooner.conf"
	pids := map[string]string{}
	for _, unit := range units {
		m.sh(t, fmt.Sprintf("mkdir -p $(dirname "+sooner+"); printf '[Service]\\nWatchdogSec=3\\n' >"+sooner, unit, unit))
	}
	m.sh(t, "systemctl daemon-reload && systemctl restart wol-server api-server")
	for _, unit := range units {
		pids[unit] = m.property(t, unit, "MainPID")
		m.sh(t, "kill -STOP "+pids[unit])
	}
	start := time.Now()
	for _, unit := range units {
		m.restarted(t, unit, pids[unit])
		if !strings.Contains(m.sh(t, "journalctl --no-pager -u "+unit), "Watchdog timeout") {
			t.Errorf("it was not the watchdog that restarted %s", unit)
		}
	}
	t.Logf("stuck to restarted in %v", time.Since(start).Round(time.Second))
	m.sh(t, "rm -r /run/systemd/system/*-server.service.d && systemctl daemon-reload && systemctl restart wol-server api-server")
	m.wake(t)
}

// socketGone: the journal has the command that makes the socket anew, which only systemd
// can do.
func socketGone(t *testing.T, m *machine) {
	const cure = "systemctl restart wol-server.socket wol-server"
	m.sh(t, "rm /run/wol-server/wol-server.sock")
	if !m.eventually(patience, func() bool {
		return strings.Contains(m.sh(t, "journalctl --no-pager -o cat -p err -u wol-server"), cure)
	}) {
		t.Error("the journal does not say what to do")
	}
	m.sh(t, cure)
	m.wake(t)
}

// wrongSetting: exit 78 is final, however often somebody knocks at the socket.
func wrongSetting(t *testing.T, m *machine) {
	for unit, setting := range map[string]string{"api-server": "API_BURST=x", "wol-server": "WOL_PORT=ten"} {
		undo := m.write(t, unit, setting)
		if said, err := m.try("systemctl restart " + unit); err == nil {
			t.Errorf("%s started: %s", unit, said)
		}
		if state, code, restarts := m.property(t, unit, "ActiveState"), m.property(t, unit, "ExecMainStatus"), m.property(t, unit, "NRestarts"); state != "failed" || code != "78" || restarts != "0" {
			t.Errorf("%s is %s with exit %s after %s restarts", unit, state, code, restarts)
		}
		if said := m.sh(t, "journalctl --no-pager -o cat -p err -u "+unit); !strings.Contains(said, setting[:strings.Index(setting, "=")]) {
			t.Errorf("%s does not say what is wrong, or not as an error:\n%s", unit, said)
		}
		if unit == "wol-server" {
			knockedAt(t, m)
		}
		undo()
		m.sh(t, "systemctl restart "+unit)
		running(t, m)
		m.wake(t)
	}
}

// knockedAt: a call that waits in the socket has systemd start the daemon, which ends
// again, and the call still waits. The socket's trigger limit ends that.
func knockedAt(t *testing.T, m *machine) {
	if status, _, body, err := m.request(); err != nil || status != http.StatusServiceUnavailable && status != http.StatusGatewayTimeout {
		t.Errorf("without the daemon: %v, %d, %s", err, status, body)
	}
	if !m.eventually(patience, func() bool { return m.property(t, "wol-server.socket", "Result") == "trigger-limit-hit" }) {
		t.Error("it is started again and again")
	}
	starts := func() int {
		return strings.Count(m.sh(t, "journalctl --no-pager -o cat -u wol-server"), `WOL_PORT is "ten"`)
	}
	before := starts()
	for range 3 {
		if status, _, body, err := m.request(); err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("without the daemon: %v, %d, %s", err, status, body)
		}
	}
	if after := starts(); after != before || m.property(t, "wol-server", "ActiveState") != "failed" {
		t.Errorf("it was started %d times, and then %d times", before, after)
	}
	t.Logf("knocked at, it was started %d times and then left alone", before)
}
