package wolserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"wolgate/internal/files"
	"wolgate/internal/policy"
	"wolgate/internal/program"
	"wolgate/internal/wol"
)

// allowOnly refuses what the file of --allow does not list, and follows the file until
// ctx ends. One that cannot be used stops the start, because going on would allow any
// target, or none; one that breaks later changes nothing but the log.
func allowOnly(ctx context.Context, next wol.Waker, path string, log *slog.Logger) (wol.Waker, error) {
	list, err := files.Follow(path, readAllowList)
	if files.MayPass(err) { // such as a file system that is mounted late
		return nil, fmt.Errorf("--allow: %w", err)
	}
	if err != nil {
		return nil, program.ConfigError{Err: fmt.Errorf("--allow: %w", err)}
	}
	files.WarnIfMounted(path, log)
	go list.Run(ctx, func(_, now policy.AllowList) {
		log.Info("allow-list reloaded", "targets", len(now))
	}, func(err error) {
		log.Error("allow-list not reloaded, the old one stays in force", "err", err, "targets", len(list.Current()))
	})
	return policy.Allow(next, list.Current), nil
}

func readAllowList(path string) (policy.AllowList, error) {
	text, err := files.Read(path, files.Trusted)
	if _, ok := errors.AsType[files.ModeError](err); ok {
		return nil, err
	}
	if _, ok := errors.AsType[files.ReplacedError](err); ok {
		return nil, err
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: make the file readable for wol-server", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: name a file with one MAC a line, or omit --allow to allow any target", err)
	}
	list, err := policy.ParseAllowList(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}
