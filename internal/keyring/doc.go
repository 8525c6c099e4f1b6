// Package keyring holds the keys that a gateway accepts now. It follows the key file and
// records in the audit log what is added to it and revoked.
package keyring
