package lantest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/lantest"
)

// TestUnprivileged: what is tested as unprivileged has no capability, and no way to one.
func TestUnprivileged(t *testing.T) {
	output, err := lantest.Unprivileged(t, "cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	const none = "0000000000000000"
	want := map[string]string{"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1"}
	got := map[string]string{}
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(line, ":")
		if _, ok := want[name]; ok {
			got[name] = strings.TrimSpace(value)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
