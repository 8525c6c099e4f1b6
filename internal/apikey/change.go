package apikey

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// Change is what is to become of a key. What is empty stays as it is.
type Change struct {
	Name        string
	Scopes      []wol.Action
	Targets     []wol.MAC
	EveryTarget bool
	Expires     time.Time
	NoExpiry    bool
}

// Edit changes all of a key but its secret, and returns what it is now. On an error the
// file is as it was, unless the error says that it has changed.
func Edit(path, name string, c Change, now time.Time) (Entry, error) {
	if c.Name == "" && c.Scopes == nil && c.Targets == nil && !c.EveryTarget && c.Expires.IsZero() && !c.NoExpiry {
		return Entry{}, errors.New("there is nothing to change: say what is to be different")
	}
	if err := checkEnd(c.Expires, now); err != nil {
		return Entry{}, err
	}
	var e Entry
	err := editKey(path, name, "changed", func(entries []Entry, i int) (_ []Entry, err error) {
		if e, err = entries[i].with(c); err != nil {
			return nil, err
		}
		if j := (File{entries}).index(e.Name); j >= 0 && j != i {
			return nil, fmt.Errorf("key file %s has a key named %s already: choose another name", path, e.Name)
		}
		entries[i] = e
		return entries, nil
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

func (e Entry) with(c Change) (Entry, error) {
	if c.Name != "" {
		e.Name = c.Name
	}
	if c.Scopes != nil {
		e.Scopes = c.Scopes
	}
	if c.Targets != nil || c.EveryTarget {
		e.Targets = c.Targets
	}
	if !c.Expires.IsZero() || c.NoExpiry {
		e.Expires = c.Expires
	}
	return e.written()
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
