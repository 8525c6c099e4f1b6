package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"syscall"
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
	seen    sight  // of the file that was read last
	trouble string // why the last reading failed; it is tried again at every look
}

// openKeyring reads the key file. It refuses to go on without a key that works,
// because a gateway without one lets nobody in.
func openKeyring(c Config, log *slog.Logger) (*keyring, error) {
	k := &keyring{path: c.Keys, env: c.EnvKey, log: log}
	k.seen = look(c.Keys)
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
	now := look(k.path)
	if now == k.seen && k.trouble == "" {
		return
	}
	k.seen = now
	file, err := apikey.Load(k.path)
	if err != nil {
		if err.Error() != k.trouble { // once, and not at every look
			k.log.Error("keys not reloaded, the old ones stay valid", "err", err)
		}
		k.trouble = err.Error()
		return
	}
	k.trouble = ""
	set := apikey.NewSet(file, k.env)
	k.current.Store(set)
	k.log.Info("keys reloaded", "keys", set.Len())
	if set.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: api-server keys add NAME --keys " + k.path)
	}
}

// sight is what tells one state of a file from another. The time of the last
// change of the inode (st_ctim, stat(2)) moves with content, owner and mode
// alike, and no program can set it.
type sight struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

// look returns the zero sight where there is no file to be seen.
func look(path string) sight {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return sight{}
	}
	return sight{device: s.Dev, inode: s.Ino, size: s.Size, changed: s.Ctim}
}
