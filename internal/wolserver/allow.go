package wolserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"

	"wolgate/internal/policy"
	"wolgate/internal/program"
)

// allowFile holds the targets that the file of --allow names now.
type allowFile struct {
	path    string
	log     *slog.Logger
	file    *program.Followed
	current atomic.Pointer[policy.AllowList]
}

// openAllowFile reads the file. One that cannot be used stops the start, because
// going on would allow any target, or none.
func openAllowFile(path string, log *slog.Logger) (*allowFile, error) {
	a := &allowFile{path: path, log: log, file: program.Follow(path)}
	if err := a.read(); err != nil {
		return nil, program.ConfigError{Err: fmt.Errorf("--allow: %w", err)}
	}
	return a, nil
}

// list returns the targets that are allowed now.
func (a *allowFile) list() policy.AllowList { return *a.current.Load() }

// watch takes over what the file becomes, until ctx ends. A broken one changes
// nothing but the log.
func (a *allowFile) watch(ctx context.Context) {
	reload := func() error {
		err := a.read()
		if err == nil {
			a.log.Info("allow-list reloaded", "targets", len(a.list()))
		}
		return err
	}
	a.file.Run(ctx, reload, func(err error) {
		a.log.Error("allow-list not reloaded, the old one stays in force", "err", err)
	})
}

func (a *allowFile) read() error {
	text, err := program.ReadFile(a.path, program.Trusted)
	if _, ok := errors.AsType[program.ModeError](err); ok {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: make the file readable for wol-server", err)
	}
	if err != nil {
		return fmt.Errorf("%w: name a file with one MAC a line, or leave --allow away to allow any target", err)
	}
	list, err := policy.ParseAllowList(text)
	if err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	a.current.Store(&list)
	return nil
}
