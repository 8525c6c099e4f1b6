package wolserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"

	"wolgate/internal/broadcast"
	"wolgate/internal/doctor"
)

// doctorOf returns the doctor of the host that sender sends from.
func doctorOf(sender *broadcast.Sender, getenv func(string) string) doctor.Doctor {
	return doctor.Doctor{Interfaces: sender.Interfaces, Root: os.DirFS("/"), Getenv: getenv, RawRefused: sender.RawRefused()}
}

// examine is the verb doctor: it sends probes as the daemon would send packets, and
// prints what became of them. The error means that no LAN hears this host.
func examine(ctx context.Context, c Config, getenv func(string) string, out io.Writer, asJSON bool) error {
	c.Broadcast.Repeat = 1
	quiet := slog.New(slog.DiscardHandler) // the report has all that the log would
	sender := broadcast.New(c.Broadcast, quiet)
	defer func() { _ = sender.Close(0) }()
	report, err := doctorOf(sender, getenv).Examine(ctx, c.Broadcast.Port, sender)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.Write(out)
	}
	if err == nil && !report.OK {
		err = errors.New(report.Verdict())
	}
	return err
}
