package skip_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// verdict stands in for a test and keeps what was decided about it.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (*verdict) Helper()      {}
func (*verdict) Name() string { return "TestOnALAN" }

func (v *verdict) Skip(args ...any) {
	v.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestBecause: a skip is recorded, and is a failure where everything has to run.
func TestBecause(t *testing.T) {
	log := filepath.Join(t.TempDir(), "skipped")
	t.Setenv("SKIPPED_LOG", log)
	because := func(requireAll string) *verdict {
		t.Setenv("REQUIRE_ALL", requireAll)
		v, done := new(verdict), make(chan struct{})
		go func() {
			defer close(done)
			skip.Because(v, "no\nnamespaces")
		}()
		<-done
		return v
	}
	if v := because("1"); v.skipped != "" || !strings.Contains(v.failed, "no namespaces") {
		t.Errorf("all required: skipped %q, failed %q", v.skipped, v.failed)
	}
	if v := because(""); v.skipped != "no namespaces" || v.failed != "" {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
	got, err := os.ReadFile(log)
	if err != nil || string(got) != "SKIPPED TestOnALAN: no namespaces\n" {
		t.Errorf("recorded %q, %v", got, err)
	}
}
