//go:build soak

package unixsock_test

import "testing"

// TestSoakModes is TestModeIsNeverLooser with 20,000 starts under each umask.
func TestSoakModes(t *testing.T) { neverLooser(t, 20_000) }
