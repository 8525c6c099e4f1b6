// Package woltest supports tests of what wakes: the corpus of bad input, the behaviour
// that every wol.Waker shares, and a receiver on loopback.
package woltest
