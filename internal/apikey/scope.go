package apikey

import (
	"errors"
	"slices"

	"wolgate/internal/wol"
)

// allScopes returns every action that a key may have as a scope.
func allScopes() []wol.Action { return []wol.Action{wol.Wake, wol.Admin} }

// ParseScope reads the name of a scope.
func ParseScope(s string) (wol.Action, error) {
	scope := wol.Action(s)
	if !slices.Contains(allScopes(), scope) {
		return "", errors.New("this is not a scope: the scopes are wake and admin")
	}
	return scope, nil
}
