package audit

import "log/slog"

// Name is what happened, in the words of the OWASP Logging Vocabulary. The fields
// that the vocabulary hangs on to the word, behind a colon, are attributes here.
// The list is closed, so that it bounds the memory which floods cost.
type Name uint8

// The events of this product.
const (
	unknown            Name = iota
	LoginFail               // no valid key was presented
	AuthzFail               // the key does not allow this
	InputFail               // the request is not understood
	RateLimitExceeded       // asked too often
	CORS                    // a web page asks
	Startup                 // the program serves
	Shutdown                // the program ends
	TokenCreated            // a key became valid
	TokenRevoked            // a key became invalid
	PermissionsChanged      // a key may do more or less, or has another name
	names                   // how many there are
)

// String returns the word of the vocabulary.
func (n Name) String() string {
	switch n {
	case LoginFail:
		return "authn_login_fail"
	case AuthzFail:
		return "authz_fail"
	case InputFail:
		return "input_validation_fail"
	case RateLimitExceeded:
		return "excess_rate_limit_exceeded"
	case CORS:
		return "malicious_cors"
	case Startup:
		return "sys_startup"
	case Shutdown:
		return "sys_shutdown"
	case TokenCreated:
		return "authn_token_created"
	case TokenRevoked:
		return "authn_token_revoked"
	case PermissionsChanged:
		return "privilege_permissions_changed"
	}
	return "unknown"
}

// provoked reports whether outsiders can cause the event, as often as they like.
func (n Name) provoked() bool { return n < Startup }

func (n Name) level() slog.Level {
	if n.provoked() {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
