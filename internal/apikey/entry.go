package apikey

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"wolgate/internal/wol"
)

// Entry is one key of the file: everything about a key but its text.
type Entry struct {
	Name    string
	ID      string
	Scopes  []wol.Action
	Targets []wol.MAC // none means every target
	Created time.Time
	Expires time.Time // zero means never

	digest [sha256.Size]byte // of the whole key
}

// Expired reports whether the key has stopped being valid.
func (e Entry) Expired(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires)
}

// SameSecret reports whether one key matches both entries.
func (e Entry) SameSecret(other Entry) bool { return e.digest == other.digest }

// entryJSON is an Entry as it is in the file.
type entryJSON struct {
	Name    string   `json:"name"`
	ID      string   `json:"id"`
	SHA256  string   `json:"sha256"`
	Scopes  []string `json:"scopes"`
	Targets []string `json:"targets,omitempty"`
	Created string   `json:"created"`
	Expires *string  `json:"expires,omitempty"`
}

func (e Entry) toJSON() entryJSON {
	s := entryJSON{Name: e.Name, ID: e.ID, SHA256: hex.EncodeToString(e.digest[:]), Created: e.Created.UTC().Format(time.RFC3339)}
	for _, scope := range e.Scopes {
		s.Scopes = append(s.Scopes, string(scope))
	}
	for _, mac := range e.Targets {
		s.Targets = append(s.Targets, mac.String())
	}
	if !e.Expires.IsZero() {
		expires := e.Expires.UTC().Format(time.RFC3339)
		s.Expires = &expires
	}
	return s
}

// parse validates an entry, from the file and from Add alike.
func (s entryJSON) parse() (Entry, error) {
	name, err := parseName(s.Name)
	if err != nil {
		return Entry{}, err
	}
	if len(s.ID) != idSize || !allBase62(s.ID) {
		return Entry{}, errors.New("id is not 8 letters or digits")
	}
	e := Entry{Name: name, ID: s.ID}
	digest, err := hex.DecodeString(s.SHA256)
	if err != nil || len(digest) != len(e.digest) {
		return Entry{}, errors.New("sha256 is not the 64 hex digits of a hash")
	}
	copy(e.digest[:], digest)
	if len(s.Scopes) == 0 {
		return Entry{}, errors.New("there is no scope: name wake, admin or both")
	}
	for i, text := range s.Scopes {
		scope, err := ParseScope(text)
		if err != nil {
			return Entry{}, fmt.Errorf("scope %d: %w", i+1, err)
		}
		e.Scopes = append(e.Scopes, scope)
	}
	// An empty list reads as "none" to one person and as "no limit" to another.
	if s.Targets != nil && len(s.Targets) == 0 {
		return Entry{}, errors.New("targets is empty: name a MAC address, or omit targets to allow every target")
	}
	for i, text := range s.Targets {
		mac, err := wol.ParseMAC(text)
		if err != nil {
			return Entry{}, fmt.Errorf("target %d is not the MAC address of a network card: write it such as aa:bb:cc:dd:ee:ff", i+1)
		}
		e.Targets = append(e.Targets, mac)
	}
	if e.Created, err = parseTime(s.Created); err != nil {
		return Entry{}, fmt.Errorf("created %w", err)
	}
	if s.Expires != nil {
		if e.Expires, err = parseTime(*s.Expires); err != nil {
			return Entry{}, fmt.Errorf("expires %w", err)
		}
	}
	return e, nil
}

// parseTime reads the one spelling of a moment that the file has. time.Parse
// alone would take offsets and fractions as well. The year 1 is refused since
// the zero time.Time means "never".
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() || t.UTC().Format(time.RFC3339) != s {
		return time.Time{}, errors.New("is not a time in UTC: write it such as 2026-12-31T23:59:59Z")
	}
	return t.UTC(), nil
}
