package apiserver

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
)

// keyring holds the keys that are valid now.
type keyring struct {
	path  string
	log   *slog.Logger
	audit *audit.Log
	file  *files.Followed[*apikey.Set]
}

// openKeyring reads the key file. It refuses to go on without a key that works,
// because a gateway without one lets nobody in.
func openKeyring(c Config, log *slog.Logger, events *audit.Log) (*keyring, error) {
	file, err := files.Follow(c.Keys, func(path string) (*apikey.Set, error) {
		f, err := apikey.Load(path)
		return apikey.NewSet(f, c.EnvKey), err
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
		return nil, program.ConfigError{Err: fmt.Errorf("the key file %s %s: add one with: api-server keys add NAME --keys %[1]s", c.Keys, what)}
	}
	return &keyring{path: c.Keys, log: log, audit: events, file: file}, nil
}

// set returns the keys that are valid now.
func (k *keyring) set() *apikey.Set { return k.file.Current() }

// watch takes over what the key file becomes, until ctx ends. A file that does
// not parse changes nothing but the log.
func (k *keyring) watch(ctx context.Context) {
	k.file.Run(ctx, k.changed, func(err error) {
		k.log.Error("keys not reloaded, the old ones stay valid", "err", err)
	})
}

func (k *keyring) changed(before, now *apikey.Set) {
	k.log.Info("keys reloaded", "keys", now.Len())
	k.tell(audit.TokenRevoked, before, now)
	k.tell(audit.TokenCreated, now, before)
	if now.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: api-server keys add NAME --keys " + k.path)
	}
}

// tell records every key that is in one set and not in the other. A key that was
// made or revoked while the program did not run has no such line.
func (k *keyring) tell(what audit.Name, in, notIn *apikey.Set) {
	elsewhere := map[string]bool{}
	for _, e := range notIn.Entries() {
		elsewhere[e.ID] = true
	}
	for _, e := range in.Entries() {
		if !elsewhere[e.ID] {
			k.audit.Event(audit.Event{Name: what, KeyID: e.ID, Detail: "key " + e.Name})
		}
	}
}
