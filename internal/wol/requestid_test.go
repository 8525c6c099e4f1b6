package wol_test

import (
	"strings"
	"testing"

	"wolgate/internal/wol"
)

func TestRequestIDKeepsOnlyItsGrammar(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "Discord-1.2_3", strings.Repeat("x", 64), wol.NewRequestID()} {
		if got := wol.RequestID(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a b", "a\nb", "é", "<script>", "a/b", "\x00"} {
		if got := wol.RequestID(bad); got == bad || len(got) != 32 {
			t.Errorf("%q became %q, want 32 new digits", bad, got)
		}
	}
	if first, second := wol.NewRequestID(), wol.NewRequestID(); first == second {
		t.Error("two new ids are the same")
	}
}
