package logs_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"wolgate/internal/logs"
)

// writes keeps each Write apart.
type writes struct {
	mu   sync.Mutex
	list []string
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, string(b))
	return len(b), nil
}

// TestJournalHasThePriorityOfTheRecord: of the record, whatever is said in it.
func TestJournalHasThePriorityOfTheRecord(t *testing.T) {
	t.Parallel()
	var out writes
	log := logs.Config{Level: "debug", Format: "journal"}.New(&out)
	const forged = "<0>\n<0>{\"level\":\"ERROR\"}\r<1>\u2028<2>"
	for level, priority := range map[slog.Level]string{
		slog.LevelDebug: "<7>", slog.LevelInfo: "<6>", slog.LevelInfo + 1: "<6>", slog.LevelWarn: "<4>",
		slog.LevelError: "<3>", slog.LevelError + 4: "<3>", slog.LevelDebug - 4: "",
	} {
		for name, log := range map[string]*slog.Logger{"plain": log, "with": log.With(forged, forged), "group": log.WithGroup(forged)} {
			out.list = nil
			log.Log(t.Context(), level, forged, forged, forged)
			if priority == "" {
				if len(out.list) != 0 {
					t.Errorf("%s is below the level, and gives %q", level, out.list)
				}
				continue
			}
			if len(out.list) != 1 {
				t.Fatalf("%s %s: %d writes, want 1: %q", level, name, len(out.list), out.list)
			}
			line, ok := strings.CutPrefix(out.list[0], priority)
			var said map[string]any
			if err := json.Unmarshal([]byte(line), &said); !ok || err != nil || said["msg"] != forged || said["level"] != level.String() {
				t.Errorf("%s %s: %v, %q, want %s and an object", level, name, err, out.list[0], priority)
			}
			if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\n\r\u2028") || !strings.HasSuffix(line, "}\n") {
				t.Errorf("%s %s: more than a line: %q", level, name, line)
			}
		}
	}
}

// TestJournalKeepsLinesWhole, and the Sink behind it loses none of many writers' lines.
func TestJournalKeepsLinesWhole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sink := logs.NewSink(&out)
	log := logs.Config{Level: "debug", Format: "journal"}.New(sink)
	var group sync.WaitGroup
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		group.Go(func() {
			for n := range 500 {
				log.Log(t.Context(), level, "line", "n", n)
			}
		})
	}
	group.Wait()
	sink.Close(10 * time.Second)
	lines := 0
	for line := range strings.Lines(out.String()) {
		lines++
		if len(line) < 3 || !json.Valid([]byte(line[3:])) {
			t.Fatalf("%q", line)
		}
	}
	if lines != 2000 {
		t.Errorf("%d lines", lines)
	}
}
