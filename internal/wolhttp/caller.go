package wolhttp

import (
	"net/http"
	"strings"

	"wolgate/internal/wol"
)

// fromProgram refuses what a browser sends. A page reaches a Unix socket only where
// something carries it there, such as socat or a development proxy, and then any
// page that the user opens does. Each of the three signs is enough:
//
//   - Browsers set Origin, Referer and Sec-Fetch-*, and pages cannot change them
//     (forbidden request-headers in the Fetch standard). The presence of one
//     decides, not its value: a sandboxed page has the origin null.
//   - A page whose own name was made to resolve to this host (DNS rebinding) is of
//     the same origin as what answers, but it cannot name another Host than its own.
//   - No call has a query, so a request with one is a form, an image or a mistake.
//
// What net/http refuses by itself, such as a header that is too large (431), never
// comes here: its answer is plain text, not our problem body, and not logged.
func fromProgram(r *http.Request) error {
	for name := range r.Header {
		if name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-Fetch-") {
			return &wol.Error{Kind: wol.Forbidden, Message: "the socket does not serve web pages: call it from a program"}
		}
	}
	if !ourHost(r.Host) {
		return &wol.Error{Kind: wol.Forbidden, Message: "the socket does not serve this Host: call it as http://localhost"}
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return &wol.Error{Kind: wol.Invalid, Message: "no call takes a query: put it into the body, and omit the ?"}
	}
	return nil
}

// ourHost reports whether a Host header names this service, with any port: on a
// socket the name is only what a client makes up. HTTP/1.0 sends none.
func ourHost(host string) bool {
	if host == "" {
		return true
	}
	name, port, _ := strings.Cut(host, ":")
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	switch strings.ToLower(name) {
	case "wol-server", "wol", "localhost":
		return true
	default:
		return false
	}
}
