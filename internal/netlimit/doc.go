// Package netlimit bounds the connections of a listener, in all and by source, and
// keeps it accepting when descriptors run out. It is written for Linux.
package netlimit
