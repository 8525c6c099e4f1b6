package boot_test

import (
	"os"
	"testing"

	"wolgate/internal/lantest"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) {
	os.Exit(woltest.WithPrograms(func() int { return lantest.RunAsRoot(m) }))
}
