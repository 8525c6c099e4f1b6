package unixsock

import (
	"net"
	"time"
)

// ActivatedAs is activated, for tests that name the pid and the descriptor.
var ActivatedAs = activated

// PeerUID is how credentials are read, for fakes that fall back on it.
var PeerUID = peerUID

// SetPeerUID replaces the reading of credentials, which cannot be made to fail
// from outside.
func (l *Listener) SetPeerUID(f func(*net.UnixConn) (uint32, error)) { l.peerUID = f }

// SetPace has Keep look more often.
func (l *Listener) SetPace(d time.Duration) { l.pace = d }
