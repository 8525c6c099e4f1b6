// Package ratelimit counts what sources and keys do, in bounded memory.
package ratelimit
