// Package policy holds decorators of wol.Waker that decide whether a request may go
// on. The daemon's own hold whatever a gateway asks for, also one that was taken over.
package policy
