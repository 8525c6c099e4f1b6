package logs

import (
	"io"
	"log/slog"
)

// Config holds the settings of a logger. Its zero value is JSON from level info on.
type Config struct{ Level, Format string }

// New returns the logger. Every value is encoded, so that no outside text can
// forge a line; times are UTC (RFC 3339). If w is a Sink, it reports what it had to
// drop in the same format.
func (c Config) New(w io.Writer) *slog.Logger {
	if s, ok := w.(*Sink); ok {
		s.announceBy(c.handler(s.w))
	}
	return slog.New(c.handler(w))
}

// Default is New for a whole program: it also takes what libraries such as net/http
// write through package log. Otherwise that would go to stderr unencoded, and its
// writer would wait for a reader that is stuck.
func (c Config) Default(w io.Writer) *slog.Logger {
	log := c.New(w)
	slog.SetDefault(log)
	return log
}

func (c Config) handler(w io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the settings have checked the word
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	switch c.Format {
	case "text":
		return slog.NewTextHandler(w, options)
	case "journal":
		return newJournal(w, options)
	default:
		return slog.NewJSONHandler(w, options)
	}
}
