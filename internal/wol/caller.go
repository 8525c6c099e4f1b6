package wol

import (
	"context"
	"net/netip"
)

// Action is something that a caller may be allowed to do. A grant lists its actions
// as scopes.
type Action string

// The actions. None implies another.
const (
	Wake  Action = "wake"  // send magic packets
	Admin Action = "admin" // see the daemon's interfaces
)

// Rights is what a grant allows. Its methods may be called from many goroutines.
type Rights interface {
	// Has reports whether the grant allows an action at all.
	Has(Action) bool
	// May reports whether the grant allows an action on a target.
	May(Action, MAC) bool
}

// Caller is who asks for one thing. The zero Caller may do nothing.
type Caller struct {
	Grant  string     // id of the grant, fit for a log; never the key
	Name   string     // of the grant
	Via    string     // the door that the caller came in by, such as "api"
	Source netip.Addr // the caller's address, where there is one
	Rights Rights     // nil allows nothing
}

// Has reports whether the caller may do a at all.
func (c Caller) Has(a Action) bool { return c.Rights != nil && c.Rights.Has(a) }

// May reports whether the caller may do a to the target.
func (c Caller) May(a Action, target MAC) bool { return c.Rights != nil && c.Rights.May(a, target) }

type callerKey struct{}

// WithCaller returns a context that carries who asks to a handler.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller that ctx carries, or the zero Caller.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Denial is why a caller is not let in.
type Denial string

// The denials. A key that was never made, was mistyped or was revoked is one kind.
const (
	NoKey      Denial = "no_key"
	InvalidKey Denial = "invalid"
	ExpiredKey Denial = "expired"
	NoScope    Denial = "scope"  // the grant does not allow the action
	NoTarget   Denial = "target" // the grant does not allow the action on this target
)

// Denials returns all of them.
func Denials() []Denial { return []Denial{NoKey, InvalidKey, ExpiredKey, NoScope, NoTarget} }
