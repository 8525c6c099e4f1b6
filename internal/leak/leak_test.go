package leak

import (
	"bytes"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// wait is the name to look for.
func wait(c <-chan struct{}) { <-c }

func waiting(stack string) bool { return strings.Contains(stack, "leak.wait(") }

// TestLeak cannot see an end without a leak: the goroutine that runs the tests waits
// for this one. TestMain does.
func TestLeak(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	var out bytes.Buffer
	if status := check(3, time.Hour, &out); status != 3 || out.Len() > 0 {
		t.Errorf("after a failure: status %d, %q", status, &out)
	}
	stop := make(chan struct{})
	go wait(stop)
	for deadline := time.Now().Add(patience); !slices.ContainsFunc(others(), waiting); {
		if time.Now().After(deadline) {
			t.Fatal("a goroutine that waits is not seen")
		}
	}
	if status := check(0, time.Millisecond, &out); status != 1 || !waiting(out.String()) {
		t.Errorf("with a leak: status %d, %q", status, &out)
	}
	if strings.Contains(out.String(), "os/signal") || strings.Contains(out.String(), "leak.others") {
		t.Errorf("what is no leak is told: %s", &out)
	}
	close(stop)
	for deadline := time.Now().Add(patience); slices.ContainsFunc(others(), waiting); {
		if time.Now().After(deadline) {
			t.Fatal("a goroutine that has ended is still seen")
		}
	}
}
