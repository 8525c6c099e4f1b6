package apikey_test

import (
	"strings"
	"testing"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/wol"
)

func TestParseScope(t *testing.T) {
	t.Parallel()
	for _, want := range []wol.Action{wol.Wake, wol.Admin} {
		if got, err := apikey.ParseScope(string(want)); err != nil || got != want {
			t.Errorf("ParseScope(%q) = %q, %v", want, got, err)
		}
	}
	for _, s := range []string{"", "Wake", "wake ", "wake,admin", "*", "all", "canary"} {
		got, err := apikey.ParseScope(s)
		if err == nil || got != "" {
			t.Errorf("ParseScope(%q) = %q", s, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, "wake and admin") || strings.Contains(text, "canary") {
			t.Errorf("ParseScope(%q): %v", s, err)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "12h": 12 * time.Hour, "90d": 90 * day, "2w": 14 * day, "1m": time.Minute,
		"3650d": 3650 * day, "521w": 3647 * day, "87600h": 3650 * day, "5256000m": 3650 * day, "007d": 7 * day,
	} {
		if got, err := apikey.ParseExpiry(s); err != nil || got != want {
			t.Errorf("ParseExpiry(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "d", "90", "0d", "-1d", "+1d", "1.5d", "1 d", " 1d", "1d ", "1D", "1y", "1s", "1h30m", "1_0d", "0x1d", "٣d",
		"3651d", "522w", "87601h", "5256001m", "4294967296d", "18446744073709551616d", "99999999999999999999w", "never",
	} {
		if got, err := apikey.ParseExpiry(s); err == nil || got != 0 {
			t.Errorf("ParseExpiry(%q) = %v, %v; want an error", s, got, err)
		}
	}
}
