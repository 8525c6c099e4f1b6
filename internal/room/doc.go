// Package room bounds by bytes what calls take in memory together, however many there are.
package room
