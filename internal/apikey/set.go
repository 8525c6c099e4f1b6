package apikey

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// Set is the keys that a gateway accepts. It is immutable, for concurrent use; a new
// file makes a new Set.
type Set struct {
	byID  map[string]*credential
	env   *credential // decoy where there is none
	decoy *credential // what an unknown key is compared with
}

type credential struct {
	Entry
	principal Principal
	decoy     bool
}

// NewSet builds the set of a file's keys and the key of the environment.
func NewSet(f File, env EnvKey) *Set {
	decoy := &credential{decoy: true}
	s := &Set{byID: make(map[string]*credential, len(f.entries)), env: decoy, decoy: decoy}
	for _, e := range f.entries {
		p := Principal{ID: e.ID, Name: e.Name, scopes: slices.Clone(e.Scopes), everyTarget: len(e.Targets) == 0}
		if !p.everyTarget {
			p.targets = make(map[wol.MAC]bool, len(e.Targets))
		}
		for _, mac := range e.Targets {
			p.targets[mac] = true
		}
		s.byID[e.ID] = &credential{Entry: e, principal: p}
	}
	if env.digest != nil {
		s.env = &credential{
			Entry:     Entry{digest: *env.digest},
			principal: Principal{ID: envID, Name: envID, scopes: allScopes(), everyTarget: true},
		}
	}
	return s
}

// Authenticate returns the owner of a presented key, and whether the key is valid. One
// that is malformed, unknown, wrong, revoked or expired is not. The work is the same for
// all of them: every text is hashed once and the hash compared twice, in constant time,
// so that timing does not reveal how near a guess came.
//
// An expired key has a Principal that may do nothing, for the log: its owner will ask why
// it no longer works.
func (s *Set) Authenticate(presented string, now time.Time) (Principal, bool) {
	if len(presented) > maxEnvKey { // longer than any key
		return Principal{}, false
	}
	digest := sha256.Sum256([]byte(presented))
	candidate := s.decoy
	if wellFormed(presented) {
		if c, ok := s.byID[presented[len(prefix):idEnd]]; ok {
			candidate = c
		}
	}
	isCandidate, isEnv := candidate.matches(&digest), s.env.matches(&digest)
	switch {
	case isEnv:
		return s.env.principal, true
	case isCandidate && candidate.Expired(now):
		return Principal{ID: candidate.ID, Name: candidate.Name}, false
	case isCandidate:
		return candidate.principal, true
	default:
		return Principal{}, false
	}
}

// Entries returns the keys of the file, in no order.
func (s *Set) Entries() []Entry {
	entries := make([]Entry, 0, len(s.byID))
	for _, c := range s.byID {
		entries = append(entries, c.Entry)
	}
	return entries
}

// Len returns the number of keys, expired ones included.
func (s *Set) Len() int { return s.count(func(*credential) bool { return true }) }

// Usable returns the number of keys that have not expired.
func (s *Set) Usable(now time.Time) int {
	return s.count(func(c *credential) bool { return !c.Expired(now) })
}

func (s *Set) count(counts func(*credential) bool) int {
	n := 0
	for _, c := range s.byID {
		if counts(c) {
			n++
		}
	}
	if !s.env.decoy && counts(s.env) {
		n++
	}
	return n
}

func (c *credential) matches(digest *[sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(c.digest[:], digest[:]) == 1 && !c.decoy
}

// Principal is the owner of a key and what the key may do. The zero Principal may
// do nothing.
type Principal struct {
	ID   string // the key's id, or "env"
	Name string // the key's name, or "env"

	scopes      []Scope
	everyTarget bool
	targets     map[wol.MAC]bool
}

// Has reports whether the key has a scope.
func (p Principal) Has(scope Scope) bool { return slices.Contains(p.scopes, scope) }

// MayWake reports whether the key allows a target. Whether it may wake at all is up to
// its scope.
func (p Principal) MayWake(mac wol.MAC) bool { return p.everyTarget || p.targets[mac] }
