package boot_test

import (
	"os"
	"testing"

	"wolgate/internal/leak"
	"wolgate/internal/woltest"
)

func TestMain(m *testing.M) {
	os.Exit(woltest.WithPrograms(func() int { return leak.Run(m) }))
}
