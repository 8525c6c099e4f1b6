package doctor_test

import (
	"testing"

	"wolgate/internal/lantest"
)

func TestMain(m *testing.M) { lantest.Main(m) }
