package leak

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end after the last test.
const patience = 10 * time.Second

// Main runs a package's tests, and exits with their status or, where they have passed
// and left a goroutine, with 1. Call it from TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main without the exit, for a TestMain that has something to do afterwards.
func Run(m *testing.M) (status int) { return check(m.Run(), patience, os.Stderr) }

// check returns status, or 1 where that is 0 and goroutines go on beside the caller's.
func check(status int, patience time.Duration, w io.Writer) int {
	if status != 0 {
		return status // a test that failed may have left anything
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := others()
		if len(left) == 0 {
			return 0
		}
		if time.Now().After(end) {
			fmt.Fprintf(w, "leak: %d goroutines outlive the tests:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			return 1
		}
	}
}

// others returns the stacks of all goroutines but the caller's and those that need nobody
// to end them: of os/signal, from the first Notify on; of fasthttp the one that keeps the
// date of its answers, and one a server that has ended, which sleeps for ten seconds
// before it looks whether it is to end.
func others() []string {
	text := make([]byte, 1<<16)
	for n := runtime.Stack(text, true); ; n = runtime.Stack(text, true) {
		if n < len(text) {
			text = text[:n]
			break
		}
		text = make([]byte, 2*len(text))
	}
	known := regexp.MustCompile(`created by (os/signal|github\.com/valyala/fasthttp\.(updateServerDate|\(\*workerPool\)\.Start))\b`)
	var list []string
	for i, stack := range bytes.Split(bytes.TrimSpace(text), []byte("\n\n")) {
		if i > 0 && !known.Match(stack) {
			list = append(list, string(stack))
		}
	}
	return list
}
