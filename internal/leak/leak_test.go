package leak

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// wait is the name to look for.
func wait(c <-chan struct{}) { <-c }

func TestLeak(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	go wait(stop)
	var out bytes.Buffer
	if status := check(3, time.Hour, &out); status != 3 || out.Len() > 0 {
		t.Errorf("after a failure: status %d, %q", status, &out)
	}
	// It waits also for the goroutine that runs the tests, which waits for this one.
	if status := check(0, time.Millisecond, &out); status != 1 || !strings.Contains(out.String(), "leak.wait") {
		t.Errorf("with a leak: status %d, %q", status, &out)
	}
}
