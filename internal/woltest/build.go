package woltest

import (
	"os"
	"os/exec"
	"testing"
)

// Build compiles both programs into dir, as users get them, and others with them, and
// returns it.
func Build(t testing.TB, dir string, others ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-o", dir, "wolgate/cmd/wol-server", "wolgate/cmd/api-server"}, others...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // static, as in images
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}
