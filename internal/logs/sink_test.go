package logs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wolgate/internal/logs"
)

// said is a line of the log as these tests read it.
type said struct {
	Time, Level, Msg string
	N, Lines         int
}

// read decodes every line of r, each of which must be one object.
func read(t *testing.T, r io.Reader) (lines []said) {
	t.Helper()
	scan := bufio.NewScanner(r)
	for scan.Scan() {
		var line said
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			t.Fatalf("%v: %q", err, scan.Text())
		}
		lines = append(lines, line)
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestSinkNeverWaits has a real pipe that nobody reads at first.
func TestSinkNeverWaits(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const lines = 10_000 // 5 MB altogether
	sink := logs.NewSink(w)
	log := logs.Config{Level: "info", Format: "json"}.New(sink)
	filler := strings.Repeat("x", 500)
	end := time.AfterFunc(30*time.Second, func() { r.Close() }) // a write that waits fails then
	defer end.Stop()
	start := time.Now()
	for n := range lines {
		log.Info("line", "n", n, "filler", filler)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("%d lines took %v", lines, took)
	}

	var got []said
	size := 0
	scan := bufio.NewScanner(r)
	next := func() said {
		t.Helper()
		if !scan.Scan() {
			t.Fatalf("after %d lines: %v", len(got), scan.Err())
		}
		size += len(scan.Bytes())
		var line said
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			t.Fatalf("%v: %q", err, scan.Text())
		}
		return line
	}
	line := next()
	for ; line.Msg == "line"; line = next() {
		if line.N != len(got) {
			t.Fatalf("line %d is number %d", len(got), line.N)
		}
		got = append(got, line)
	}
	if line.Msg != "log lines dropped" || line.Level != "WARN" || !strings.HasSuffix(line.Time, "Z") || len(got)+line.Lines != lines {
		t.Errorf("%d lines and then %+v", len(got), line)
	}
	if size > 2<<20+64<<10 || size < 1<<20 {
		t.Errorf("%d bytes were kept, want no more than 2 MiB and what the pipe holds", size)
	}
	t.Logf("%d written in %v, %d kept (%d bytes)", lines, time.Since(start), len(got), size)

	log.Info("line", "n", lines) // the reader is back, and all is as it was
	if line := next(); line.N != lines {
		t.Errorf("got %+v", line)
	}
	sink.Close(10 * time.Second)
	w.Close()
	if scan.Scan() {
		t.Errorf("one more line: %s", scan.Bytes())
	}
}

func TestSinkWritesAtOnceAndCloseFlushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		sink := logs.NewSink(&out)
		for _, line := range []string{"one\n", "two\n"} {
			if n, err := sink.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			synctest.Wait()
			if !strings.HasSuffix(out.String(), line) {
				t.Errorf("%q was not written: %q", line, out.String())
			}
		}
		want := out.String()
		for n := range 1000 {
			want += fmt.Sprintln(n)
			_, _ = fmt.Fprintln(sink, n)
		}
		start := time.Now()
		sink.Close(time.Second)
		sink.Close(time.Second)
		if out.String() != want || time.Since(start) != 0 {
			t.Errorf("after %v: %d bytes, want %d", time.Since(start), out.Len(), len(want))
		}
		if _, err := sink.Write([]byte("late\n")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestSinkCloseLosesPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer r.Close() // lets the stuck goroutine end
		sink := logs.NewSink(w)
		_, _ = sink.Write([]byte("one\n"))
		start := time.Now()
		sink.Close(700 * time.Millisecond)
		if took := time.Since(start); took != 700*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// faulty refuses lines while broken is set, and counts how often it was asked.
type faulty struct {
	broken bool
	asked  int
	out    bytes.Buffer
}

func (f *faulty) Write(p []byte) (int, error) {
	f.asked++
	if f.broken {
		return 0, syscall.EPIPE
	}
	return f.out.Write(p)
}

func TestSinkCountsWhatTheWriterRefuses(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"level":"WARN","msg":"log lines dropped","lines":3}`, "text": `level=WARN msg="log lines dropped" lines=3`} {
		synctest.Test(t, func(t *testing.T) {
			w := &faulty{broken: true}
			sink := logs.NewSink(w)
			log := logs.Config{Level: "error", Format: format}.New(sink)
			for range 3 {
				log.Error("lost")
				synctest.Wait() // never returns while a goroutine spins
			}
			if w.asked > 6 { // each line and the notice after it
				t.Errorf("asked %d times", w.asked)
			}
			time.Sleep(time.Hour)
			w.broken = false
			log.Error("kept")
			sink.Close(time.Second)
			lines := strings.Split(w.out.String(), "\n")
			if len(lines) != 3 || !strings.Contains(lines[0], "kept") || !strings.HasSuffix(lines[1], want) {
				t.Errorf("%s: %q", format, lines)
			}
		})
	}
}

// TestSinkKeepsOrder has many writers and a slow reader. No line is lost, and those
// of one writer are in its order.
func TestSinkKeepsOrder(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	sink := logs.NewSink(w)
	log := logs.Config{Level: "info", Format: "json"}.New(sink)
	const writers, each = 20, 200
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for n := range each {
				log.Info(fmt.Sprint(writer), "n", n)
			}
		})
	}
	go func() {
		group.Wait()
		sink.Close(30 * time.Second)
		w.Close()
	}()
	next := map[string]int{}
	lines := read(t, r)
	for _, line := range lines {
		if line.N != next[line.Msg] {
			t.Fatalf("writer %s: line %d, want %d", line.Msg, line.N, next[line.Msg])
		}
		next[line.Msg]++
	}
	if len(lines) != writers*each {
		t.Errorf("%d lines", len(lines))
	}
}

// TestSinkAndSIGPIPE runs itself as a program whose stderr has lost its reader.
func TestSinkAndSIGPIPE(t *testing.T) {
	const variable = "SINK_TEST_SIGPIPE"
	if kind := os.Getenv(variable); kind != "" {
		if kind == "ignored" {
			signal.Ignore(syscall.SIGPIPE)
		}
		sink := logs.NewSink(os.Stderr)
		_, _ = sink.Write([]byte("nobody reads this\n"))
		sink.Close(10 * time.Second)
		os.Exit(7)
	}
	t.Parallel()
	for kind, want := range map[string]string{"ignored": "exit status 7", "as it is": "signal: broken pipe"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSinkAndSIGPIPE$", "-test.timeout=20s")
		child.Env, child.Stderr = append(os.Environ(), variable+"="+kind), w
		if err := child.Run(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", kind, err, want)
		}
		w.Close()
	}
}

// TestSinkGap holds that a gap is one gap: after a line that did not fit, no
// shorter one slips in before the notice.
func TestSinkGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		sink := logs.NewSink(w)
		log := logs.Config{Level: "info", Format: "json"}.New(sink)
		long := strings.Repeat("x", 600<<10)
		log.Info("stuck", "n", 1)
		synctest.Wait()
		log.Info("kept", "n", 2, "filler", long)
		log.Info("too long", "n", 3, "filler", long)
		log.Info("short", "n", 4)
		go func() {
			time.Sleep(time.Second) // by then, everything before was read
			log.Info("longer than the queue", "n", 5, "filler", long+long)
			time.Sleep(time.Second) // said at once, not with the next line
			log.Info("last", "n", 6)
			sink.Close(time.Second)
			w.Close()
		}()
		var got []string
		scan := bufio.NewScanner(r)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			var line said
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(line.N, line.Lines))
		}
		if diff := cmp.Diff([]string{"1 0", "2 0", "0 2", "0 1", "6 0"}, got); diff != "" {
			t.Errorf("number and dropped (-want +got):\n%s", diff)
		}
	})
}
