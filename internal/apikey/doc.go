// Package apikey knows the keys of api-server: how a key is written, what it
// may do, the file that holds keys as hashes, and how a presented key is told
// from a wrong one. It knows nothing of HTTP.
//
// A key is shown once, by Add. From then on only its SHA-256 exists. A plain
// hash is enough, and makes no lever for burning CPU, because the secret is
// 190 random bits and not something a person thought of (OWASP ASVS 6.5.2).
//
// No error of this package quotes what it was given, since people paste keys
// into the wrong places. The exceptions are paths, the names of keys and the
// short names of unknown fields.
package apikey
