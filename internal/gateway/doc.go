// Package gateway is the public HTTP API, and with fasthttpd the only package that knows
// Fiber. It lets in callers who hold a key, parses what they ask for, and passes it to a
// wol.Waker; where packets go is not its business.
package gateway
