// Package page tries the Swagger page as its user does: both real programs, a real
// browser, proxies in front as deployments have them, and a LAN on which the packet
// arrives. All of it is in a network namespace of the tests' own, out of which no
// request of the browser can get; the tests fail on one that tries.
package page

import (
	"os"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) {
	os.Exit(woltest.WithPrograms(func() int { return lantest.Run(m) }))
}
