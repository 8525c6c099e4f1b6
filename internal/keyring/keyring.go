package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/files"
	"wolgate/internal/program"
)

// Keyring holds the keys that are valid now. Its methods may be called from many
// goroutines.
type Keyring struct {
	path    string
	log     *slog.Logger
	audit   *audit.Log
	file    *files.Followed[apikey.File]
	env     apikey.EnvKey                  // of API_KEY
	envFile *files.Followed[apikey.EnvKey] // of API_KEY_FILE; nil without

	mu      sync.Mutex // held while current changes
	current atomic.Pointer[apikey.Set]
}

// Open reads the key file at path and, unless envPath is empty, the key in the file there,
// which stands in for env. Without a key that is valid it returns an error, because a
// gateway without one lets no client in. That is a program.ConfigError unless time may
// cure it: what is missing may be mounted late, and the clock may be wrong at boot.
func Open(path string, env apikey.EnvKey, envPath string, log *slog.Logger, events *audit.Log) (*Keyring, error) {
	k := &Keyring{path: path, log: log, audit: events, env: env}
	var err error
	if envPath != "" {
		if k.envFile, err = files.Follow(envPath, apikey.LoadEnvKey); err != nil {
			return nil, startError(err)
		}
	}
	k.file, err = files.Follow(path, apikey.Load)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, startError(fmt.Errorf("--keys: %w", err))
	}
	for _, followed := range []string{path, envPath} {
		files.WarnIfMounted(followed, log)
	}
	set := k.read()
	k.current.Store(set)
	cure := "add one with: " + apikey.Command(path, "add", "NAME")
	now := time.Now()
	switch {
	case set.Usable(now) > 0:
		return k, nil
	case missing:
		return nil, fmt.Errorf("the key file %s does not exist, and there is no API_KEY: %s", path, cure)
	case set.Len() > 0:
		return nil, fmt.Errorf("every key in %s has expired by the clock of this machine, %s: set the clock, or %s", path, now.UTC().Format(time.RFC3339), cure)
	default:
		return nil, program.ConfigError{Err: fmt.Errorf("the key file %s holds no key: %s", path, cure)}
	}
}

func startError(err error) error {
	if files.MayPass(err) {
		return err
	}
	return program.ConfigError{Err: err}
}

// Keys returns the keys that are valid now.
func (k *Keyring) Keys() *apikey.Set { return k.current.Load() }

// read returns what the files said last.
func (k *Keyring) read() *apikey.Set {
	env := k.env
	if k.envFile != nil {
		env = k.envFile.Current()
	}
	return apikey.NewSet(k.file.Current(), env)
}

// Run follows the files until ctx ends. One that is gone or cannot be used is logged and
// changes nothing else: a mistake must not lock everybody out.
func (k *Keyring) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		k.file.Run(ctx, func(_, _ apikey.File) { k.changed() }, func(err error) {
			k.failed(err, `write {"keys":[]} into it to revoke all of them`)
		})
	})
	if k.envFile != nil {
		group.Go(func() {
			k.envFile.Run(ctx, func(_, _ apikey.EnvKey) { k.changed() }, func(err error) {
				k.failed(err, "restart without API_KEY_FILE to revoke its key")
			})
		})
	}
}

func (k *Keyring) changed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.read()
	before := k.current.Swap(now)
	k.log.Info("keys reloaded", "keys", now.Len())
	k.record(before, now)
	if now.Usable(time.Now()) == 0 {
		k.log.Warn("no key is valid any more: add one with: " + apikey.Command(k.path, "add", "NAME"))
	}
}

// failed logs that a file cannot be used, and how to revoke what it held.
func (k *Keyring) failed(err error, revoke string) {
	valid := k.Keys().Usable(time.Now())
	if e, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is gone, and all %d keys stay valid: put it back, or %s", e.Path, valid, revoke)
	}
	k.log.Error("keys not reloaded, the old ones stay valid", "err", err, "keys", valid)
}
