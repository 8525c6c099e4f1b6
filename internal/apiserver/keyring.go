package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/program"
)

// keyring holds the keys that are valid now.
type keyring struct {
	path    string
	env     apikey.EnvKey
	log     *slog.Logger
	audit   *audit.Log
	file    *program.Followed
	current atomic.Pointer[apikey.Set]
}

// openKeyring reads the key file. It refuses to go on without a key that works,
// because a gateway without one lets nobody in.
func openKeyring(c Config, log *slog.Logger, events *audit.Log) (*keyring, error) {
	k := &keyring{path: c.Keys, env: c.EnvKey, log: log, audit: events, file: program.Follow(c.Keys)}
	file, err := apikey.Load(c.Keys)
	withoutFile := errors.Is(err, fs.ErrNotExist)
	if err != nil && !withoutFile {
		return nil, program.ConfigError{Err: err}
	}
	set := apikey.NewSet(file, c.EnvKey)
	if set.Usable(time.Now()) == 0 {
		what := "holds no key that is still valid"
		if withoutFile {
			what = "does not exist, and there is no API_KEY"
		}
		return nil, program.ConfigError{Err: fmt.Errorf("the key file %s %s: add one with: api-server keys add NAME --keys %[1]s", c.Keys, what)}
	}
	k.current.Store(set)
	return k, nil
}

// set returns the keys that are valid now.
func (k *keyring) set() *apikey.Set { return k.current.Load() }

// watch takes over what the key file becomes, until ctx ends. A file that does
// not parse changes nothing but the log.
func (k *keyring) watch(ctx context.Context) {
	k.file.Run(ctx, k.reload, func(err error) {
		k.log.Error("keys not reloaded, the old ones stay valid", "err", err)
	})
}

func (k *keyring) reload() error {
	file, err := apikey.Load(k.path)
	if err != nil {
		return err
	}
	set := apikey.NewSet(file, k.env)
	before := k.current.Swap(set)
	k.log.Info("keys reloaded", "keys", set.Len())
	k.tell(audit.TokenRevoked, before, set)
	k.tell(audit.TokenCreated, set, before)
	if set.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: api-server keys add NAME --keys " + k.path)
	}
	return nil
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
