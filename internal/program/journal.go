package program

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// journal writes each line with its priority in front, as sd-daemon(3) has it: the
// journal takes "<4>" off a line and keeps the line as a warning, so that journalctl -p
// finds it. The line itself is that of the format json.
//
// The priority comes from the record and never from the text; and as a line of JSON has
// no line break inside, nothing that anybody outside says can begin a line.
type journal [4]slog.Handler // by rank

// newJournal makes one handler a priority, since a handler does not tell its writer
// which record it writes. They share a lock, which keeps their lines whole.
func newJournal(w io.Writer, options *slog.HandlerOptions) journal {
	var j journal
	lock := new(sync.Mutex)
	for rank, priority := range [len(j)]string{"<7>", "<6>", "<4>", "<3>"} { // syslog(3)
		j[rank] = slog.NewJSONHandler(prioritized{w, lock, priority}, options)
	}
	return j
}

func rank(level slog.Level) int {
	switch {
	case level < slog.LevelInfo:
		return 0
	case level < slog.LevelWarn:
		return 1
	case level < slog.LevelError:
		return 2
	default:
		return 3
	}
}

func (j journal) Enabled(ctx context.Context, level slog.Level) bool {
	return j[rank(level)].Enabled(ctx, level)
}

func (j journal) Handle(ctx context.Context, r slog.Record) error {
	return j[rank(r.Level)].Handle(ctx, r)
}

func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for rank := range j {
		j[rank] = j[rank].WithAttrs(attrs)
	}
	return j
}

func (j journal) WithGroup(name string) slog.Handler {
	for rank := range j {
		j[rank] = j[rank].WithGroup(name)
	}
	return j
}

// prioritized puts its priority before what is one line.
type prioritized struct {
	w        io.Writer
	lock     *sync.Mutex
	priority string
}

func (p prioritized) Write(line []byte) (int, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if _, err := p.w.Write(append([]byte(p.priority), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
