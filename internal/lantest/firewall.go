package lantest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"wolgate/internal/skip"
)

// Firewall adds nftables rules (nft(8)) to the namespace that the tests run in,
// until the test ends; it is the real nft that reads them. It skips the test
// where there is no nft, or where the kernel does not know what the rules need.
//
// A sender learns of a dropped packet only from some hooks. A chain of type
// filter at the hook output makes sendto(2) fail with EPERM. One at the hook
// egress of an interface drops a packet as a full queue does: sendto fails with
// ENOBUFS on a socket that has IP_RECVERR, and succeeds on any other.
func Firewall(t testing.TB, ruleset string) {
	t.Helper()
	Require(t)
	nft, err := exec.LookPath("nft")
	if err != nil {
		nft = skip.Unless(t, "/usr/sbin/nft", "nftables") // Debian keeps it from a user's PATH.
	}
	load := exec.Command(nft, "-f", "-")
	load.Env = append(os.Environ(), "LC_ALL=C")
	load.Stdin = strings.NewReader(ruleset)
	said, err := load.CombinedOutput()
	if strings.Contains(string(said), "not supported") {
		skip.Because(t, "this kernel does not know what the rules need: "+string(said))
	}
	if err != nil {
		t.Fatalf("nft: %v\n%s", err, said)
	}
	// The tests have made the namespace, so no rule in it is anybody else's.
	t.Cleanup(func() {
		if said, err := exec.Command(nft, "flush", "ruleset").CombinedOutput(); err != nil {
			t.Errorf("nft flush ruleset: %v\n%s", err, said)
		}
	})
}
