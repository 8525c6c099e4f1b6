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

// credential is a key with what it allows: the wol.Rights of its owner.
type credential struct {
	Entry
	targets map[wol.MAC]bool // nil for every target
	decoy   bool
}

// NewSet builds the set of a file's keys and the key of the environment.
func NewSet(f File, env EnvKey) *Set {
	decoy := &credential{decoy: true}
	s := &Set{byID: make(map[string]*credential, len(f.entries)), env: decoy, decoy: decoy}
	for _, e := range f.entries {
		c := &credential{Entry: e}
		if len(e.Targets) > 0 {
			c.targets = make(map[wol.MAC]bool, len(e.Targets))
		}
		for _, mac := range e.Targets {
			c.targets[mac] = true
		}
		s.byID[e.ID] = c
	}
	if env.digest != nil {
		s.env = &credential{Entry: Entry{ID: envID, Name: envID, Scopes: allScopes(), digest: *env.digest}}
	}
	return s
}

// Authenticate returns who presents a key, and reports whether it is valid. A key that is
// malformed, unknown, wrong, revoked or expired is not. The work is the same for all of
// them: every text is hashed once and the hash compared twice, in constant time, so that
// timing does not reveal how near a guess came.
//
// The Caller of a key that has expired is named, for the log, and may do nothing.
func (s *Set) Authenticate(presented string, now time.Time) (wol.Caller, bool) {
	if len(presented) > maxEnvKey { // longer than any key
		return wol.Caller{}, false
	}
	digest := sha256.Sum256([]byte(presented))
	candidate := s.decoy
	if wellFormed(presented) {
		if c, ok := s.byID[presented[len(prefix):idEnd]]; ok {
			candidate = c
		}
	}
	isCandidate, isEnv := candidate.matches(&digest), s.env.matches(&digest)
	if isEnv {
		candidate = s.env
	}
	switch {
	case !isCandidate && !isEnv:
		return wol.Caller{}, false
	case candidate.Expired(now):
		return wol.Caller{Grant: candidate.ID, Name: candidate.Name}, false
	default:
		return wol.Caller{Grant: candidate.ID, Name: candidate.Name, Rights: candidate}, true
	}
}

// Entries returns the keys, that of the environment included, in no order.
func (s *Set) Entries() []Entry {
	entries := make([]Entry, 0, len(s.byID)+1)
	for _, c := range s.byID {
		entries = append(entries, c.Entry)
	}
	if !s.env.decoy {
		entries = append(entries, s.env.Entry)
	}
	return entries
}

// Len returns the number of keys, expired ones included.
func (s *Set) Len() int { return len(s.Entries()) }

// Usable returns the number of keys that have not expired.
func (s *Set) Usable(now time.Time) int {
	n := 0
	for _, e := range s.Entries() {
		if !e.Expired(now) {
			n++
		}
	}
	return n
}

func (c *credential) matches(digest *[sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(c.digest[:], digest[:]) == 1 && !c.decoy
}

// Has reports whether the key has a scope for the action.
func (c *credential) Has(a wol.Action) bool { return slices.Contains(c.Scopes, a) }

// May reports whether the key has a scope for the action, and allows the target.
func (c *credential) May(a wol.Action, target wol.MAC) bool {
	return c.Has(a) && (c.targets == nil || c.targets[target])
}
