// Package apikey holds the keys of api-server: how a key is written, what it may do, the
// file that keeps keys as hashes, and the check of a presented key. It does not know HTTP.
//
// A key is shown once, by Add. From then on only its SHA-256 exists. A plain
// hash is enough, and gives nobody a way to burn CPU, because the secret is 190
// random bits and not chosen by a person (OWASP ASVS 6.5.2).
//
// No error of this package quotes its input, since people paste keys into the wrong
// places. The exceptions are paths, the names of keys and the short names of unknown
// fields.
package apikey
