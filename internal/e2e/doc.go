// Package e2e runs both programs together: in one race-detected process and as
// real programs, in a network namespace of the tests' own.
package e2e
