// Package program holds what both programs are as Unix programs: settings that are flags
// and environment variables, exit codes, and the version.
package program
