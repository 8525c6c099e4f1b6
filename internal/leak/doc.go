// Package leak reports goroutines that outlive the tests that started them.
package leak
