package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"wolgate/internal/woltest"
)

// logLines collects the JSON lines that a program logs.
type logLines struct {
	mu      sync.Mutex
	partial []byte
	lines   []map[string]any
	raw     bytes.Buffer
	muted   bool
	grown   chan struct{} // closed and replaced when a line arrives
}

func newLog() *logLines { return &logLines{grown: make(chan struct{})} }

// Write takes what a program writes to its standard error.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.muted {
		return len(p), nil
	}
	l.raw.Write(p)
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			fields = map[string]any{"plain": string(line)}
		}
		l.partial = bytes.Clone(rest)
		l.lines = append(l.lines, fields)
		close(l.grown)
		l.grown = make(chan struct{})
	}
}

// mute drops what follows, for loads whose lines nobody reads.
func (l *logLines) mute(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = on
}

// forget drops the lines that have come so far, so that wait sees later ones only.
func (l *logLines) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.raw.String()
}

// wait returns the first line whose fields have these values, written as
// name, value pairs, or fails the test when none comes.
func (l *logLines) wait(t testing.TB, pairs ...string) map[string]any {
	t.Helper()
	deadline := time.After(woltest.Patience)
	for {
		l.mu.Lock()
		grown := l.grown
		for _, line := range l.lines {
			if has(line, pairs) {
				l.mu.Unlock()
				return line
			}
		}
		l.mu.Unlock()
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("no log line with %q in:\n%s", pairs, l.String())
		}
	}
}

// all returns the lines so far.
func (l *logLines) all() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func has(line map[string]any, pairs []string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if fmt.Sprint(line[pairs[i]]) != pairs[i+1] {
			return false
		}
	}
	return true
}
