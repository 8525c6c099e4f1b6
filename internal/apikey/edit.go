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

// newEntry is the entry of a new key, as it comes out of the file again.
func newEntry(key Key, name string, scopes []wol.Action, targets []wol.MAC, expires, now time.Time) (Entry, error) {
	if err := checkEnd(expires, now); err != nil {
		return Entry{}, err
	}
	return Entry{
		Name: name, ID: key.ID(), digest: key.digest(), Scopes: scopes, Targets: targets, Created: now, Expires: expires,
	}.written()
}

// written round-trips through entryJSON, so that what is given here and what ParseFile
// reads are validated alike.
func (e Entry) written() (Entry, error) {
	e.Scopes, e.Targets = slices.Clone(e.Scopes), slices.Clone(e.Targets)
	slices.Sort(e.Scopes)
	slices.SortFunc(e.Targets, func(a, b wol.MAC) int { return bytes.Compare(a[:], b[:]) })
	e.Scopes, e.Targets = slices.Compact(e.Scopes), slices.Compact(e.Targets)
	return e.toJSON().parse()
}

// checkEnd refuses an end that is not later than now by the clock of the file, which
// counts in seconds.
func checkEnd(expires, now time.Time) error {
	if !expires.IsZero() && !expires.Truncate(time.Second).After(now) {
		return errors.New("the key would have expired already: choose a later end")
	}
	return nil
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
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 { // a file has just been made otherwise
		return "", fmt.Errorf("key file %s is a link to nowhere: remove it or create what it names", path)
	}
	return path, nil
}
