package apikey

import (
	"errors"
	"slices"
)

// Scope is something that a key may do.
type Scope string

// The scopes. Neither implies the other.
const (
	Wake  Scope = "wake"  // send magic packets
	Admin Scope = "admin" // see the daemon's interfaces
)

// allScopes returns every scope.
func allScopes() []Scope { return []Scope{Wake, Admin} }

// ParseScope reads the name of a scope.
func ParseScope(s string) (Scope, error) {
	scope := Scope(s)
	if !slices.Contains(allScopes(), scope) {
		return "", errors.New("this is not a scope: the scopes are wake and admin")
	}
	return scope, nil
}
