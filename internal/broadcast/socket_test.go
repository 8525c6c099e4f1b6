package broadcast

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSocketsAreNotWatched: in the runtime's epoll set, a socket wakes a thread for
// every packet that leaves, which takes a third off a large call.
func TestSocketsAreNotWatched(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe() // which the runtime does watch, or this test sees nothing
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		s, err := openSocket(family, new(sync.RWMutex))
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		if err := s.raw.Control(func(fd uintptr) {
			if watched(t, fd) {
				t.Errorf("the socket of family %d is watched", family)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if !watched(t, fd) {
			t.Error("a pipe of package os is not watched")
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// watched reports whether an epoll descriptor of this process has fd in its list, which
// proc_pid_fdinfo(5) shows as lines of "tfd: 5 events: ...".
func watched(t *testing.T, fd uintptr) bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fdinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, _ := os.ReadFile("/proc/self/fdinfo/" + entry.Name()) // some are closed by now
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "tfd:" && fields[1] == fmt.Sprint(fd) {
				return true
			}
		}
	}
	return false
}
