// Package audit writes down who did what: a line for every wake, and one for every
// security event as long as they are not too many.
//
// Each line has the message "audit", the event and a sequence number, which counts
// the audit lines of the process without a gap: where a reader sees one, lines
// were lost. What is empty is left out.
package audit

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"wolgate/internal/wol"
)

// What outside text may take in a line, in bytes.
const (
	maxWord   = 64
	maxName   = 256 // 64 letters of any script
	maxDetail = 256
)

// Log is the audit log. Its methods may be called from many goroutines.
type Log struct {
	handler slog.Handler

	mu     sync.Mutex // lines leave in the order of their numbers
	seq    uint64
	floods [names]flood
}

// New returns an audit log that writes lines as log does, but all of them: the
// level of log does not mute it. It waits for log's writer, which is therefore a
// logs.Sink.
func New(log *slog.Logger) *Log {
	l := &Log{handler: log.Handler()}
	for name := range names {
		f := &l.floods[name]
		f.PerSecond, f.PerSource, f.PerSite = linesPerSecond, linesPerSource, linesPerSite
	}
	return l
}

// Event is a security event.
type Event struct {
	Name      Name
	RequestID string
	By        wol.Caller // who provoked it, as far as that is known
	Route     string     // the pattern, never the path
	Detail    string     // our own words; an origin may be among them
}

// attrs encodes what the line says beyond the name.
func (e Event) attrs() []slog.Attr {
	attrs := common(e.RequestID, e.By)
	attrs = text(attrs, "route", e.Route, maxWord)
	return text(attrs, "detail", e.Detail, maxDetail)
}

// write is called with the lock held.
func (l *Log) write(now time.Time, level slog.Level, event string, attrs ...slog.Attr) {
	l.seq++
	line := slog.NewRecord(now, level, "audit", 0)
	line.AddAttrs(slog.String("event", event), slog.Uint64("seq", l.seq))
	line.AddAttrs(attrs...)
	_ = l.handler.Handle(context.Background(), line) // a Sink has no error until it is closed
}

// common encodes which request a line is about and who made it.
func common(requestID string, by wol.Caller) []slog.Attr {
	attrs := text(make([]slog.Attr, 0, 9), "request_id", requestID, maxWord)
	attrs = text(attrs, "key_id", by.Grant, maxWord)
	attrs = text(attrs, "key", by.Name, maxName) // after a revocation nothing else tells whose the id was
	attrs = text(attrs, "via", by.Via, maxWord)
	if by.Source.IsValid() {
		attrs = text(attrs, "source", by.Source.String(), maxWord) // a zone may be of any length
	}
	return attrs
}

func text(attrs []slog.Attr, key, value string, limit int) []slog.Attr {
	if value == "" {
		return attrs
	}
	return append(attrs, slog.String(key, bounded(value, limit)))
}

// bounded returns at most limit bytes. The logger encodes what would end a line or
// a value; this takes what it lets through and a terminal or an eye might obey,
// such as C1 controls and changes of the writing direction.
func bounded(s string, limit int) string {
	s = strings.Map(func(r rune) rune { // which copies only what it changes
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
	if len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
