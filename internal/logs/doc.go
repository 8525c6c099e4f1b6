// Package logs writes the log: its format, the bound on what outsiders can make
// it say, and a writer that never waits for a slow reader.
package logs
