// Package files reads the files that a configuration names, with a look at who else may
// read or write them, and follows what becomes of them.
package files
