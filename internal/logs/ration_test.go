package logs_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/logs"
)

// TestRation has an outsider cause a thousand lines a second, for ten.
func TestRation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var ration logs.Ration
		log := slog.New(slog.NewJSONHandler(&out, nil))
		const causes = 10_000
		for range causes {
			ration.Warn(log, "refused", "uid", 7)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour)
		ration.Warn(log, "refused", "uid", 7) // reports those before it
		lines, told := 0, 0
		for line := range bytes.Lines(out.Bytes()) {
			var said struct {
				Msg, Level   string
				UID, Omitted int
			}
			if err := json.Unmarshal(line, &said); err != nil || said.Msg != "refused" || said.Level != "WARN" || said.UID != 7 {
				t.Fatalf("%v: %s", err, line)
			}
			lines++
			told += 1 + said.Omitted
			if bytes.Contains(line, []byte("omitted")) != (said.Omitted > 0) {
				t.Errorf("nothing was omitted, and the line says so: %s", line)
			}
		}
		if told != causes+1 || lines != 101 {
			t.Errorf("%d lines, want 10 a second and one; they tell of %d, want %d", lines, told, causes+1)
		}
	})
}

// TestRationBounds asks at random times, often in the rhythm that a count by the clock
// would let through twice: no span of a second has more lines than admitted.
func TestRationBounds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	ration := logs.Ration{PerSecond: 9, PerSource: 3}
	sources := [4]netip.Prefix{}
	for i := range sources {
		sources[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32)
	}
	all, each := []time.Time{}, map[netip.Prefix][]time.Time{}
	within := func(times []time.Time, most int) bool { // the last span
		return len(times) <= most || times[len(times)-1].Sub(times[len(times)-1-most]) >= time.Second
	}
	now, omitted := time.Now(), 0
	for range 20_000 {
		now = now.Add(time.Duration(random.IntN(3)) * 50 * time.Millisecond)
		if random.IntN(20) == 0 {
			now = now.Add(time.Second - time.Duration(random.IntN(2)))
		}
		source := sources[random.IntN(len(sources))]
		if !ration.Admit(now, source) {
			omitted++
			if within(append(all, now), 9) && within(append(each[source], now), 3) {
				t.Fatal("a line is omitted that had room")
			}
			continue
		}
		all, each[source] = append(all, now), append(each[source], now)
		if !within(all, 9) || !within(each[source], 3) {
			t.Fatal("more lines in a second than admitted")
		}
	}
	if got := ration.Omitted(); got != omitted || ration.Omitted() != 0 || omitted < 1000 {
		t.Errorf("says that %d were omitted, want %d", got, omitted)
	}
}
