package program

import (
	"io"
	"log/slog"
)

// Log holds the settings of a logger.
type Log struct{ Level, Format string }

// Add declares the two settings.
func (l *Log) Add(s *Settings) {
	s.Add("log-level", "info", "debug, info, warn or error", Choice(&l.Level, "debug", "info", "warn", "error"))
	s.Add("log-format", "json", "json, text, or journal, which is json for systemd's journal", Choice(&l.Format, "json", "text", "journal"))
}

// New returns the logger. Every value is encoded, so that no outside text can
// forge a line; times are UTC (RFC 3339). Where w is a Sink, it tells in the same
// format what it had to drop.
func (l Log) New(w io.Writer) *slog.Logger {
	if s, ok := w.(*Sink); ok {
		s.announceBy(l.handler(s.w))
	}
	return slog.New(l.handler(w))
}

// Default is New for a whole program: what the libraries say by package log, net/http
// among them, takes the same way. Otherwise it would go to stderr as it is, and whoever
// says it would wait for a reader that is stuck.
func (l Log) Default(w io.Writer) *slog.Logger {
	log := l.New(w)
	slog.SetDefault(log)
	return log
}

func (l Log) handler(w io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // Load has seen the word
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	switch l.Format {
	case "text":
		return slog.NewTextHandler(w, options)
	case "journal":
		return newJournal(w, options)
	default:
		return slog.NewJSONHandler(w, options)
	}
}
