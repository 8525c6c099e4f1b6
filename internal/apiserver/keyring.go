package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/program"
)

// keyCheck is how often the key file is looked at. Looking is used rather than
// inotify(7), which tells nothing of a file on a network share or of one that a
// container engine has mounted by itself, and a revoked key must stop working
// there as well.
const keyCheck = 500 * time.Millisecond

// keyring holds the keys that are valid now.
type keyring struct {
	path    string
	env     apikey.EnvKey
	log     *slog.Logger
	current atomic.Pointer[apikey.Set]
	seen    fs.FileInfo // of the file that was read last, or nil for none
}

// openKeyring reads the key file. It refuses to go on without a key that works,
// because a gateway without one lets nobody in.
func openKeyring(c Config, log *slog.Logger) (*keyring, error) {
	k := &keyring{path: c.Keys, env: c.EnvKey, log: log}
	k.seen, _ = os.Stat(c.Keys)
	file, err := apikey.Load(c.Keys)
	withoutFile := errors.Is(err, fs.ErrNotExist)
	if err != nil && !withoutFile {
		return nil, program.ConfigError{Err: err}
	}
	set := apikey.NewSet(file, c.EnvKey)
	if set.Usable(time.Now()) == 0 {
		if withoutFile {
			return nil, program.ConfigError{Err: err}
		}
		return nil, program.ConfigError{Err: fmt.Errorf("%s holds no key that is still valid: add one with: api-server keys add NAME", c.Keys)}
	}
	k.current.Store(set)
	return k, nil
}

// set returns the keys that are valid now.
func (k *keyring) set() *apikey.Set { return k.current.Load() }

// watch takes over what the key file becomes, until ctx ends. A file that does
// not parse changes nothing but the log.
func (k *keyring) watch(ctx context.Context) {
	tick := time.NewTicker(keyCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.check()
		}
	}
}

func (k *keyring) check() {
	now, _ := os.Stat(k.path)
	if same(k.seen, now) {
		return
	}
	k.seen = now
	file, err := apikey.Load(k.path)
	if err != nil {
		k.log.Error("keys not reloaded, the old ones stay valid", "err", err)
		return
	}
	set := apikey.NewSet(file, k.env)
	k.current.Store(set)
	k.log.Info("keys reloaded", "keys", set.Len())
	if set.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: api-server keys add NAME")
	}
}

// same says whether two looks at the file saw the same content.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
