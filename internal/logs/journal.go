package logs

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// journal writes JSON lines with their priority in front, as sd-daemon(3) has it: the
// journal takes "<4>" off a line and stores the line as a warning, so that journalctl -p
// finds it.
//
// The priority comes from the record and never from the text. A line of JSON has no
// line break inside, so no outside text can begin a line.
type journal struct {
	slog.Handler // writes to w
	w            *prioritized
}

func newJournal(w io.Writer, options *slog.HandlerOptions) journal {
	p := &prioritized{w: w}
	return journal{slog.NewJSONHandler(p, options), p}
}

// Handle holds the lock, because a handler does not tell its writer which record it
// is writing.
func (j journal) Handle(ctx context.Context, r slog.Record) error {
	j.w.mu.Lock()
	defer j.w.mu.Unlock()
	j.w.priority = priority(r.Level)
	return j.Handler.Handle(ctx, r)
}

func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journal{j.Handler.WithAttrs(attrs), j.w}
}

func (j journal) WithGroup(name string) slog.Handler {
	return journal{j.Handler.WithGroup(name), j.w}
}

// priority returns the prefix for a level, in the numbers of syslog(3).
func priority(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "<7>"
	case level < slog.LevelWarn:
		return "<6>"
	case level < slog.LevelError:
		return "<4>"
	default:
		return "<3>"
	}
}

// prioritized puts the priority before each write, which is one line.
type prioritized struct {
	w io.Writer

	mu       sync.Mutex // held while a line is written
	priority string
}

func (p *prioritized) Write(line []byte) (int, error) {
	if _, err := p.w.Write(append([]byte(p.priority), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
