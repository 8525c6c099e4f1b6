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

// because returns what Because decides.
func because(reason string) *verdict {
	return decide(func(v *verdict) { skip.Because(v, reason) })
}

// decide calls f in a goroutine, which Skip and Fatalf end.
func decide(f func(v *verdict)) *verdict {
	v := new(verdict)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(v)
	}()
	<-done
	return v
}

func TestUnlessAProgramIsThere(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "")
	t.Setenv("SKIPPED_LOG", "")
	v := decide(func(v *verdict) { skip.Unless(v, "no-such-program", "some-package") })
	if v.skipped != "no-such-program is not installed: apt-get install some-package" || v.failed != "" {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
	v = decide(func(v *verdict) {
		if path := skip.Unless(v, "sh", "dash"); !filepath.IsAbs(path) {
			t.Errorf("sh is at %q", path)
		}
	})
	if v.skipped != "" || v.failed != "" {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
}

func TestBecauseSkipsAndRecords(t *testing.T) {
	log := filepath.Join(t.TempDir(), "skipped")
	t.Setenv("REQUIRE_ALL", "")
	t.Setenv("SKIPPED_LOG", log)
	for _, reason := range []string{"no namespaces", "two\nlines"} {
		if v := because(reason); v.failed != "" || v.skipped == "" {
			t.Errorf("%q: skipped %q, failed %q", reason, v.skipped, v.failed)
		}
	}
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "SKIPPED TestOnALAN: no namespaces\nSKIPPED TestOnALAN: two lines\n"; string(got) != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestBecauseNeedsNoLog(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "")
	t.Setenv("SKIPPED_LOG", "")
	if v := because("no namespaces"); v.skipped != "no namespaces" || v.failed != "" {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
}

func TestBecauseFailsWhereAllIsRequired(t *testing.T) {
	log := filepath.Join(t.TempDir(), "skipped")
	t.Setenv("REQUIRE_ALL", "1")
	t.Setenv("SKIPPED_LOG", log)
	if v := because("no namespaces"); v.skipped != "" || !strings.Contains(v.failed, "no namespaces") {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
	if _, err := os.Stat(log); err == nil {
		t.Error("a failure was recorded as a skip")
	}
}

func TestBecauseFailsWhenItCannotRecord(t *testing.T) {
	t.Setenv("REQUIRE_ALL", "")
	t.Setenv("SKIPPED_LOG", filepath.Join(t.TempDir(), "missing", "skipped"))
	if v := because("no namespaces"); v.skipped != "" || !strings.Contains(v.failed, "SKIPPED_LOG") {
		t.Errorf("skipped %q, failed %q", v.skipped, v.failed)
	}
}
