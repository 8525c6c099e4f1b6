package logs

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// maxQueued bounds what a Sink holds for a reader that is stuck, in bytes. As
// much again may be on its way to the writer.
const maxQueued = 1 << 20

// Sink hands lines to a writer that may be slow or stuck, such as a stderr whose
// reader was stopped, and never makes its caller wait for it. When the queue is
// full, Write drops new lines until the writer has taken what is queued; a line of
// the log then says, at the place of the gap, how many were dropped.
//
// What is queued exists in memory only: a crash loses it, and so does a program that
// ends without Close.
//
// A line that the writer refuses counts as dropped. But a write to a stderr that
// nobody can ever read again (EPIPE) ends a Go program by SIGPIPE, below this type;
// a program that must outlive its log reader calls signal.Ignore(syscall.SIGPIPE)
// before its first line.
type Sink struct {
	w    io.Writer
	done chan struct{} // closed when the last line is written

	mu      sync.Mutex
	changed sync.Cond
	queue   []byte // whole lines
	full    bool   // lines are dropped until the queue is taken
	dropped int
	closed  bool
	notices slog.Handler // writes to w
}

// NewSink returns a Sink in front of w, which nothing else should write to. It
// reports its losses as JSON, or as the Config does whose New is given the Sink.
func NewSink(w io.Writer) *Sink {
	w = &mended{w: w}
	s := &Sink{w: w, done: make(chan struct{}), notices: Config{}.handler(w)}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// Write queues line, which ends in a newline, or drops it; it never waits. The
// only error is that of a closed Sink.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	if s.full = s.full || len(s.queue)+len(line) > maxQueued; s.full {
		s.dropped++
	} else {
		s.queue = append(s.queue, line...)
	}
	s.changed.Signal()
	return len(line), nil
}

// Close takes no more lines and waits until those that are queued are written, but
// no longer than patience.
func (s *Sink) Close(patience time.Duration) {
	s.mu.Lock()
	s.closed = true
	s.changed.Signal()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(patience):
	}
}

// announceBy makes h, which writes to s.w, the handler for the Sink's own lines.
func (s *Sink) announceBy(h slog.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = h
}

// run writes what is queued, and waits for the writer in place of the callers.
func (s *Sink) run() {
	defer close(s.done)
	for {
		lines, dropped, notices := s.take()
		if len(lines) == 0 && dropped == 0 {
			return
		}
		for line := range bytes.Lines(lines) {
			if _, err := s.w.Write(line); err != nil {
				dropped++
			}
		}
		if dropped == 0 {
			continue
		}
		notice := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines dropped", 0)
		notice.AddAttrs(slog.Int("lines", dropped))
		if notices.Handle(context.Background(), notice) != nil {
			s.mu.Lock()
			s.dropped += dropped // reported with the next lines: trying at once would spin
			s.mu.Unlock()
		}
	}
}

// take waits for lines and returns them, with how many were dropped after them.
// It returns none after Close.
func (s *Sink) take() (lines []byte, dropped int, notices slog.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && !s.full && !s.closed {
		s.changed.Wait()
	}
	if len(s.queue) > 0 || s.full {
		lines, dropped = s.queue, s.dropped
		s.queue, s.full, s.dropped = nil, false, 0
	}
	return lines, dropped, s.notices
}

// mended begins a new line after one that was torn, as a disk that is full tears it in the
// middle (ENOSPC). Otherwise the next would be glued to the rest of it, and neither could
// be read.
type mended struct {
	w    io.Writer
	torn bool
}

// Write writes one line.
func (m *mended) Write(line []byte) (int, error) {
	if m.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := m.w.Write(line)
	if n > 0 {
		m.torn = line[n-1] != '\n'
	}
	return n, err
}
