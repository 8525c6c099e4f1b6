package apikey

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// Add makes a new key, puts it into the file, and returns it to be shown once.
// No targets means every target, and a zero expires means never. A missing file
// is created, and so is the last element of a missing directory. On an error
// the file is as it was, unless the error says that it has changed.
func Add(path, name string, scopes []wol.Action, targets []wol.MAC, expires, now time.Time) (Key, error) {
	key := Generate()
	entry, err := newEntry(key, name, scopes, targets, expires, now)
	if err != nil {
		return Key{}, err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return Key{}, fmt.Errorf("key file %s: %w: make that directory, or choose another file with --keys", path, err)
	}
	err = edit(path, true, func(f File) (File, error) {
		if name := entry.Name; f.index(name) >= 0 {
			return File{}, fmt.Errorf("key file %s has a key named %s already: choose another name, or revoke that key first: %s", path, name, Command(path, "revoke", name))
		}
		return File{entries: append(f.Entries(), entry)}, nil
	})
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

// Revoke takes a key out of the file for good. On an error the file is as it
// was, unless the error says that it has changed.
func Revoke(path, name string) error {
	return editKey(path, name, "revoked", func(entries []Entry, i int) ([]Entry, error) {
		return slices.Delete(entries, i, i+1), nil
	})
}

// editKey changes or deletes the key of that name, which is the i-th of the entries. An
// error that is about the file says that nothing was done.
func editKey(path, name, done string, change func(entries []Entry, i int) ([]Entry, error)) error {
	name, err := parseName(name)
	if err != nil {
		return err
	}
	refused := false // by us, so that the key is not in doubt
	err = edit(path, false, func(f File) (File, error) {
		i := f.index(name)
		if refused = i < 0; refused {
			return File{}, fmt.Errorf("key file %s has no key named %s: see the names with: %s", path, name, Command(path, "list"))
		}
		entries, err := change(f.Entries(), i)
		refused = err != nil
		return File{entries: entries}, err
	})
	if err == nil || refused || errors.Is(err, errLate) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("key %s is not %s, and as valid as before: %w", name, done, err)
}

// newEntry round-trips through entryJSON so that Add and ParseFile validate alike.
func newEntry(key Key, name string, scopes []wol.Action, targets []wol.MAC, expires, now time.Time) (Entry, error) {
	expires = expires.Truncate(time.Second) // the file counts in seconds
	if !expires.IsZero() && !expires.After(now) {
		return Entry{}, errors.New("the key would have expired already: choose a later end")
	}
	scopes, targets = slices.Clone(scopes), slices.Clone(targets)
	slices.Sort(scopes)
	slices.SortFunc(targets, func(a, b wol.MAC) int { return bytes.Compare(a[:], b[:]) })
	return Entry{
		Name: name, ID: key.ID(), digest: key.digest(),
		Scopes: slices.Compact(scopes), Targets: slices.Compact(targets),
		Created: now, Expires: expires,
	}.toJSON().parse()
}

func (f File) index(name string) int {
	return slices.IndexFunc(f.entries, func(e Entry) bool { return e.Name == name })
}

// edit changes a key file, or creates one, under a lock on its directory: a lock on the
// file itself would be lost with the next rename.
func edit(path string, create bool, change func(File) (File, error)) error {
	path, err := resolve(path)
	if err != nil {
		return err
	}
	dir, err := lockDir(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := Load(path)
	if err != nil && !(create && errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	if f, err = change(f); err != nil {
		return err
	}
	text, err := f.Encode()
	if err != nil {
		return err
	}
	// Nothing is written that could not be read back.
	if _, err := ParseFile(text); err != nil {
		return fmt.Errorf("key file %s would become unreadable: %w", path, err)
	}
	old, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(dir, path, text, old)
}

// resolve follows a symbolic link, so that the file behind it changes and the
// link stays.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", refused(path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("key file %s is a link to nowhere: remove it or create what it names", path)
	}
	return path, nil
}
