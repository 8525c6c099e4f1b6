package wolhttp

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"wolgate/internal/logs"
	"wolgate/internal/wol"
)

// LogWakes writes to log the one line that a call leaves there, which says what went on the
// wire. It must stand behind policy.Distinct, which names each target once.
func LogWakes(next wol.Waker, log *slog.Logger) wol.Waker {
	l := &wakeLog{log: log}
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		start := time.Now()
		receipts, err := next.Wake(ctx, req)
		l.record(ctx, req, receipts, err, time.Since(start))
		return receipts, err
	})
}

type wakeLog struct {
	log *slog.Logger
	// unsent bounds the lines of calls that sent nothing, with which any peer of the socket
	// could fill the disk. The packet budget bounds the lines of what was sent.
	unsent logs.Ration
}

func (l *wakeLog) record(ctx context.Context, req wol.Request, receipts []wol.Receipt, err error, took time.Duration) {
	const most = 10 // of 1000, which would be unreadable
	var macs []string
	for _, target := range req.Targets[:min(most, len(req.Targets))] {
		macs = append(macs, target.MAC.String())
	}
	packets, unsent := 0, 0
	var failed map[string]int // by what failed, to how many targets: bounded by the interfaces
	for _, r := range receipts {
		packets += len(r.Sent)
		if !r.OK {
			unsent++
		}
	}
	for list, alike := range wol.FailedAlike(receipts) {
		for _, f := range list {
			if failed == nil {
				failed = map[string]int{}
			}
			failed[strings.TrimSpace(f.Interface+" "+f.Destination+" "+f.Error)] += alike
		}
	}
	attrs := []slog.Attr{slog.String("request_id", req.ID), slog.Int("targets", len(req.Targets)), slog.Any("mac", macs), slog.Int64("took_ms", took.Milliseconds())}
	switch {
	case err != nil:
		level := slog.LevelError
		switch wol.KindOf(err) {
		case wol.Invalid, wol.RateLimited, wol.Forbidden:
			level = slog.LevelWarn
		}
		l.unsent.Log(l.log, level, "wake not sent", slog.GroupAttrs("", attrs...), "kind", wol.KindOf(err), "err", err)
	case len(failed) > 0 || unsent > 0:
		attrs = append(attrs, slog.Int("packets", packets), slog.Int("targets_not_sent", unsent), slog.Any("failed", failed))
		l.log.LogAttrs(ctx, slog.LevelWarn, "wake sent in part", attrs...)
	default:
		l.log.LogAttrs(ctx, slog.LevelInfo, "wake sent", append(attrs, slog.Int("packets", packets))...)
	}
}
