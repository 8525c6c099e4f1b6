package logs_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/logs"
)

// TestRation has a stranger cause a thousand lines a second, for ten.
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
		ration.Warn(log, "refused", "uid", 7) // tells of those before it
		var at []time.Time
		told := 0
		for line := range bytes.Lines(out.Bytes()) {
			var said struct {
				Time       time.Time
				Msg, Level string
				UID        int
				Omitted    int
			}
			if err := json.Unmarshal(line, &said); err != nil || said.Msg != "refused" || said.Level != "WARN" || said.UID != 7 {
				t.Fatalf("%v: %s", err, line)
			}
			at = append(at, said.Time)
			told += 1 + said.Omitted
			if bytes.Contains(line, []byte("omitted")) != (said.Omitted > 0) {
				t.Errorf("nothing was left out, and it is said: %s", line)
			}
			if len(at) > 10 && said.Time.Sub(at[len(at)-11]) < time.Second {
				t.Errorf("line %d is the eleventh of its second", len(at))
			}
		}
		if told != causes+1 || len(at) != 101 {
			t.Errorf("%d lines, want 10 a second and one; they tell of %d, want %d", len(at), told, causes+1)
		}
	})
}
