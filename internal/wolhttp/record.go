package wolhttp

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"wolgate/internal/wol"
)

// record writes the one line that a wake leaves in the daemon's log. It tells of
// what went on the wire.
func (h *handler) record(ctx context.Context, req wol.Request, receipts []wol.Receipt, err error, took time.Duration) {
	const most = 10 // of 1000, which nobody could read
	var macs []string
	targets, packets, unsent := 0, 0, 0
	var failed map[string]int // by what failed, to how many targets: bounded by the interfaces
	for i, target := range req.Distinct() {
		targets++
		if targets <= most {
			macs = append(macs, target.MAC.String())
		}
		if i >= len(receipts) { // after an error there is none
			continue
		}
		packets += len(receipts[i].Sent)
		if !receipts[i].OK {
			unsent++
		}
		for _, f := range receipts[i].Failed {
			if failed == nil {
				failed = map[string]int{}
			}
			failed[strings.TrimSpace(f.Interface+" "+f.Destination+" "+f.Error)]++
		}
	}
	attrs := []slog.Attr{slog.String("request_id", req.ID), slog.Int("targets", targets), slog.Any("mac", macs), slog.Int64("took_ms", took.Milliseconds())}
	switch {
	case err != nil:
		level := slog.LevelError
		switch wol.KindOf(err) {
		case wol.Invalid, wol.RateLimited, wol.Forbidden:
			level = slog.LevelWarn
		}
		h.unsent.Log(h.log, level, "wake not sent", slog.GroupAttrs("", attrs...), "kind", wol.KindOf(err), "err", err)
	case len(failed) > 0 || unsent > 0:
		attrs = append(attrs, slog.Int("packets", packets), slog.Int("targets_not_sent", unsent), slog.Any("failed", failed))
		h.log.LogAttrs(ctx, slog.LevelWarn, "wake sent in part", attrs...)
	default:
		h.log.LogAttrs(ctx, slog.LevelInfo, "wake sent", append(attrs, slog.Int("packets", packets))...)
	}
}
