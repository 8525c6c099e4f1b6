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
