// Package fstype names the file system that a path is on, for errors: on some, what a
// program asks for cannot be done, and the kernel does not say why.
package fstype
