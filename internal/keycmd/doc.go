// Package keycmd is the verb keys of api-server: it adds, lists and revokes keys.
package keycmd
