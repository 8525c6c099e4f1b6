// Package keycmd is the verb keys of api-server: it adds, lists, changes and revokes keys.
package keycmd
