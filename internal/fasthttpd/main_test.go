package fasthttpd

import (
	"testing"

	"wolgate/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
