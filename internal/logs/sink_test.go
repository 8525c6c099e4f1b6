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
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wolgate/internal/logs"
)

// said is a line of the log as these tests read it.
type said struct {
	Level, Msg string
	N, Lines   int
}

// TestSinkNeverWaits has a reader that is stuck with the first line: a Write that
// waited would be a deadlock, which synctest reports. The lines that are kept are
// those before the gap, and no shorter one slips into it.
func TestSinkNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		sink := logs.NewSink(w)
		log := logs.Config{Level: "info", Format: "json"}.New(sink)
		log.Info("line", "n", 0)
		synctest.Wait() // the Sink has taken it, and waits for its reader
		const lines = 10_000
		for n := 1; n < lines; n++ {
			log.Info("line", "n", n, "filler", strings.Repeat("x", 500-n%2*100))
		}
		scan := bufio.NewScanner(r)
		size := 0
		next := func() (line said) {
			t.Helper()
			if !scan.Scan() {
				t.Fatalf("the log ends: %v", scan.Err())
			}
			size += len(scan.Bytes()) + 1
			if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
				t.Fatalf("%v: %q", err, scan.Text())
			}
			return line
		}
		kept, line := 0, next()
		for ; line.Msg == "line"; line = next() {
			if line.N != kept {
				t.Fatalf("line %d is number %d", kept, line.N)
			}
			kept++
		}
		if line.Msg != "log lines dropped" || line.Level != "WARN" || kept+line.Lines != lines {
			t.Errorf("%d lines and then %+v", kept, line)
		}
		if size > 1<<20+1000 || size < 1<<20-1000 {
			t.Errorf("%d bytes were kept, want 1 MiB", size)
		}

		go log.Info("too long", "filler", strings.Repeat("x", 1<<20)) // reported at once, not with the next line
		if line := next(); line.Lines != 1 {
			t.Errorf("got %+v", line)
		}
		go log.Info("line", "n", lines) // the reader is back, and all is as it was
		if line := next(); line.N != lines {
			t.Errorf("got %+v", line)
		}
		sink.Close(time.Second)
		_ = w.Close()
		if scan.Scan() {
			t.Errorf("one more line: %s", scan.Bytes())
		}
	})
}

func TestSinkWritesAtOnceAndCloseFlushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		sink := logs.NewSink(&out)
		want := "one\n"
		if n, err := sink.Write([]byte(want)); n != len(want) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if synctest.Wait(); out.String() != want {
			t.Errorf("not written at once: %q", out.String())
		}
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

// TestSinkCountsWhatTheWriterRefuses, and says so in the format of the log.
func TestSinkCountsWhatTheWriterRefuses(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"json":    `"level":"WARN","msg":"log lines dropped","lines":3}`,
		"text":    `level=WARN msg="log lines dropped" lines=3`,
		"journal": `"level":"WARN","msg":"log lines dropped","lines":3}`,
	} {
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
			if len(lines) != 3 || !strings.Contains(lines[0], "kept") || !strings.HasSuffix(lines[1], want) ||
				strings.HasPrefix(lines[1], "<4>") != (format == "journal") {
				t.Errorf("%s: %q", format, lines)
			}
		})
	}
}

// full is a file on a disk that has room for so many bytes.
type full struct {
	room int
	out  bytes.Buffer
}

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	_, _ = f.out.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC // as os.File.Write does
	}
	return n, nil
}

// TestATornLineSwallowsNoOther has a disk that is full after any number of bytes of two
// lines, and has room again for the third: what was torn is counted, and what follows it
// is whole. A line of which only the newline is missing is counted as well.
func TestATornLineSwallowsNoOther(t *testing.T) {
	t.Parallel()
	const line = "{\"n\":1}\n"
	for room := range 2 * len(line) {
		synctest.Test(t, func(t *testing.T) {
			disk := &full{room: room}
			sink := logs.NewSink(disk)
			for range 2 {
				_, _ = sink.Write([]byte(line))
				synctest.Wait()
			}
			disk.room = 1000
			_, _ = sink.Write([]byte(line))
			sink.Close(time.Second)
			whole, told := 0, 0
			for text := range strings.Lines(disk.out.String()) {
				var said said
				if json.Unmarshal([]byte(text), &said) == nil {
					whole += said.N
					told += said.Lines
				}
			}
			all, almost := whole+told, room%len(line) == len(line)-1
			if all != 3 && !(almost && all == 4) {
				t.Errorf("room for %d bytes: %d lines are whole and %d are counted as dropped: %q", room, whole, told, disk.out.String())
			}
		})
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
