// Package page tries the Swagger page as its user does: both real programs, a real
// browser, proxies in front as deployments have them, and a LAN on which the packet
// arrives. All of it is in a network namespace of the tests' own, which no request
// of the browser can leave; the tests fail on one that tries.
package page
