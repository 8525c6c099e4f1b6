package netlimit

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
)

func TestFits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		total, others int
		soft          uint64
		fits          bool
	}{
		{1024, 128, 1024 + 128 + 64, true},
		{1024, 128, 1024 + 128 + 63, false},
		{64, 0, 128, true},
		{1, 0, 40, false},
		{math.MaxInt, 128, 1024, false},
		{math.MaxInt, 0, math.MaxUint64, true}, // RLIM_INFINITY
	} {
		most, err := fits(tt.total, tt.others, tt.soft)
		if (err == nil) != tt.fits || tt.fits && most != tt.total || !tt.fits && most != max(0, int(tt.soft)-tt.others-64) {
			t.Errorf("%+v: got %d, %v", tt, most, err)
		}
		want := fmt.Sprintf("RLIMIT_NOFILE allows %d: raise it to at least %d ", tt.soft, uint64(tt.total)+uint64(tt.others)+64)
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if most, err := Fits(math.MaxInt32, 5); limit.Cur < math.MaxInt32 && (err == nil || most != int(limit.Cur)-69) {
		t.Errorf("got %d of %d, %v", most, limit.Cur, err)
	}
}
