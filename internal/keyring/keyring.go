package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/files"
	"wolgate/internal/program"
	"wolgate/internal/wol"
)

// Keyring holds the keys that are valid now. Its methods may be called from many
// goroutines.
type Keyring struct {
	path  string
	log   *slog.Logger
	audit *audit.Log
	file  *files.Followed[*apikey.Set]
}

// Open reads the key file at path. Without a key that is valid, there or in env, it
// returns a program.ConfigError, because a gateway without one lets no client in.
func Open(path string, env apikey.EnvKey, log *slog.Logger, events *audit.Log) (*Keyring, error) {
	file, err := files.Follow(path, func(path string) (*apikey.Set, error) {
		f, err := apikey.Load(path)
		return apikey.NewSet(f, env), err
	})
	withoutFile := errors.Is(err, fs.ErrNotExist)
	if err != nil && !withoutFile {
		return nil, program.ConfigError{Err: err}
	}
	if file.Current().Usable(time.Now()) == 0 {
		what := "holds no key that is still valid"
		if withoutFile {
			what = "does not exist, and there is no API_KEY"
		}
		return nil, program.ConfigError{Err: fmt.Errorf("the key file %s %s: add one with: api-server keys add NAME --keys %[1]s", path, what)}
	}
	return &Keyring{path: path, log: log, audit: events, file: file}, nil
}

// Keys returns the keys that are valid now.
func (k *Keyring) Keys() *apikey.Set { return k.file.Current() }

// Run follows the key file until ctx ends. A file that does not parse is logged and
// changes nothing else.
func (k *Keyring) Run(ctx context.Context) {
	k.file.Run(ctx, k.changed, func(err error) {
		k.log.Error("keys not reloaded, the old ones stay valid", "err", err)
	})
}

func (k *Keyring) changed(before, now *apikey.Set) {
	k.log.Info("keys reloaded", "keys", now.Len())
	k.auditDifference(audit.TokenRevoked, before, now)
	k.auditDifference(audit.TokenCreated, now, before)
	if now.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: api-server keys add NAME --keys " + k.path)
	}
}

// auditDifference records an event for each key that is in one set and not in the other.
// A key that was made or revoked while the program did not run has none.
func (k *Keyring) auditDifference(event audit.Name, in, notIn *apikey.Set) {
	elsewhere := map[string]bool{}
	for _, e := range notIn.Entries() {
		elsewhere[e.ID] = true
	}
	for _, e := range in.Entries() {
		if !elsewhere[e.ID] {
			k.audit.Event(audit.Event{Name: event, By: wol.Caller{Grant: e.ID}, Detail: "key " + e.Name})
		}
	}
}
