package keyring

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wolgate/internal/apikey"
	"wolgate/internal/audit"
	"wolgate/internal/wol"
)

// record writes an audit event for each key that has come, gone or changed. A key that
// changed while the program did not run has none.
func (k *Keyring) record(before, now *apikey.Set) {
	old := map[string]apikey.Entry{}
	for _, e := range before.Entries() {
		old[e.ID] = e
	}
	for _, e := range now.Entries() {
		was, known := old[e.ID]
		delete(old, e.ID)
		switch {
		case !known:
			k.event(audit.TokenCreated, e, power(e))
		case !e.SameSecret(was):
			k.event(audit.TokenRevoked, was, "another secret has taken its place")
			k.event(audit.TokenCreated, e, power(e))
		default:
			if detail := difference(was, e); detail != "" {
				k.event(audit.PermissionsChanged, e, detail)
			}
		}
	}
	for _, e := range old {
		k.event(audit.TokenRevoked, e, "")
	}
}

func (k *Keyring) event(name audit.Name, e apikey.Entry, detail string) {
	k.audit.Event(audit.Event{Name: name, By: wol.Caller{Grant: e.ID, Name: e.Name}, Detail: detail})
}

// power describes what a key may do, and until when.
func power(e apikey.Entry) string {
	return fmt.Sprintf("scopes %s; targets %s; expires %s", scopes(e), targets(e), expires(e))
}

// difference describes what two states of a key do not have in common, or is empty.
func difference(was, is apikey.Entry) string {
	var parts []string
	changed := func(what, was, is string) {
		if was != is {
			parts = append(parts, what+" "+was+" to "+is)
		}
	}
	changed("name", was.Name, is.Name)
	changed("scopes", scopes(was), scopes(is))
	if len(was.Targets) > 0 && len(is.Targets) > 0 {
		added, removed := beyond(is.Targets, was.Targets), beyond(was.Targets, is.Targets)
		if added+removed > 0 {
			parts = append(parts, fmt.Sprintf("targets %d added, %d removed", added, removed))
		}
	} else {
		changed("targets", targets(was), targets(is))
	}
	changed("expires", expires(was), expires(is))
	return strings.Join(parts, "; ")
}

func scopes(e apikey.Entry) string {
	var words []string
	for _, scope := range e.Scopes {
		words = append(words, string(scope))
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ",")
}

func targets(e apikey.Entry) string {
	if len(e.Targets) == 0 {
		return "any"
	}
	return fmt.Sprint(len(e.Targets))
}

func expires(e apikey.Entry) string {
	if e.Expires.IsZero() {
		return "never"
	}
	return e.Expires.Format(time.RFC3339)
}

// beyond returns how many of list are not in other.
func beyond(list, other []wol.MAC) int {
	known := make(map[wol.MAC]bool, len(other))
	for _, mac := range other {
		known[mac] = true
	}
	n := 0
	for _, mac := range list {
		if !known[mac] {
			known[mac] = true
			n++
		}
	}
	return n
}
