// Package problem is the one error body of both programs and the one table between error
// kinds and HTTP statuses. The body is RFC 9457 application/problem+json, extended by ok,
// code, request_id and failed.
package problem
