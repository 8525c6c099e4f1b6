// Package keyring holds the keys that a gateway accepts now. It follows the key file and
// that of API_KEY_FILE, and records in the audit log which keys are added, revoked or
// changed in them.
package keyring
