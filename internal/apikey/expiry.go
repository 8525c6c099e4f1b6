package apikey

import (
	"errors"
	"strconv"
	"time"
)

// ParseExpiry reads how long a key is to live: a whole number and one of m, h,
// d and w for minutes, hours, days and weeks, such as 90d. It is more than
// nothing and at most 3650 days.
func ParseExpiry(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	malformed := errors.New("this is not a lifetime: write a whole number and m, h, d or w, such as 90d, and at most 3650d")
	if s == "" {
		return 0, malformed
	}
	var unit time.Duration
	switch s[len(s)-1] {
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = day
	case 'w':
		unit = 7 * day
	default:
		return 0, malformed
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil || n == 0 || n > uint64(3650*day/unit) {
		return 0, malformed
	}
	return time.Duration(n) * unit, nil
}
