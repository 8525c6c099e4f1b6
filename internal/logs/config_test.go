package logs_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"wolgate/internal/logs"
)

func TestLogIsOneLineOfJSONWhateverIsSaid(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := logs.Config{Level: "warn", Format: "json"}.New(&out)
	log.Info("not shown")
	log.Warn("shown", "agent", "a\r\n{\"level\":\"ERROR\"}\x1b[31m\u2028", slog.String("k\n", "v"))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(line["time"].(string), "Z") {
		t.Errorf("%v: %q", err, out.String())
	}
}
