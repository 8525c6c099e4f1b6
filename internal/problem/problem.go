// Package problem is the one error body of both programs and the one table
// between error kinds and HTTP statuses. The body is RFC 9457
// application/problem+json, extended by ok, code, request_id and failed.
package problem

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"wolgate/internal/wol"
)

// ContentType is the media type of the error body (RFC 9457 section 3).
const ContentType = "application/problem+json"

// Problem is the error body. It is an error, so that an HTTP layer can return
// one whose status says more than its kind does: 413, 415, 431 and others
// are all of kind invalid.
type Problem struct {
	Type   string   `json:"type" example:"about:blank"`
	Title  string   `json:"title" example:"Service Unavailable"`
	Status int      `json:"status" example:"503"`
	OK     bool     `json:"ok" example:"false"`
	Code   wol.Kind `json:"code" swaggertype:"string" enums:"invalid,unauthenticated,forbidden,not_found,method_not_allowed,rate_limited,bad_upstream,unavailable,timeout,internal" example:"unavailable"`
	// Detail says what happened and what to do about it.
	Detail    string `json:"detail,omitempty" example:"nothing was sent: every destination failed, as the list shows"`
	RequestID string `json:"request_id,omitempty" example:"5f0c6f0e0c2d4b1f9a3e7d8c6b5a4f3e"`
	// Failed lists the destinations that were tried when nothing could be sent.
	Failed []wol.Failure `json:"failed,omitempty"`
	// RetryAfter becomes the header of that name; zero for none.
	RetryAfter time.Duration `json:"-"`
} // @name Problem

// table holds the status of each kind and what is said where an error brings
// no words of its own.
// A kind that is not in it is internal, and not known.
func table(kind wol.Kind) (status int, detail string, known bool) {
	known = true
	switch kind {
	case wol.Invalid:
		status, detail = http.StatusBadRequest, "the request is malformed: see the API documentation"
	case wol.Unauthenticated:
		status, detail = http.StatusUnauthorized, "a valid key is needed: send it as Authorization: Bearer KEY"
	case wol.Forbidden:
		status, detail = http.StatusForbidden, "this is not allowed: ask whoever runs wolgate"
	case wol.NotFound:
		status, detail = http.StatusNotFound, "there is nothing at this path: see the API documentation"
	case wol.MethodNotAllowed:
		status, detail = http.StatusMethodNotAllowed, "this path does not take this method: see the Allow header"
	case wol.RateLimited:
		status, detail = http.StatusTooManyRequests, "too many requests: wait as long as Retry-After says"
	case wol.BadUpstream:
		status, detail = http.StatusBadGateway, "what answers on the socket is not wol-server: see the log of api-server under this request_id"
	case wol.Unavailable:
		status, detail = http.StatusServiceUnavailable, "nothing was sent: see the log under this request_id"
	case wol.Timeout:
		status, detail = http.StatusGatewayTimeout, "wol-server did not answer in time, so it is not known whether a packet left: try again"
	default:
		known = kind == wol.Internal
		status, detail = http.StatusInternalServerError, "something went wrong here: the log holds the cause under this request_id"
	}
	return status, detail, known
}

// New returns the problem of a kind, with detail or else the kind's own words.
func New(kind wol.Kind, detail string) *Problem {
	status, words, _ := table(kind)
	if detail == "" {
		detail = words
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: kind, Detail: detail}
}

// WithStatus returns a problem of kind invalid under a status of its own, for
// what HTTP has a better number for than 400.
func WithStatus(status int, detail string) *Problem {
	p := New(wol.Invalid, detail)
	p.Status, p.Title = status, http.StatusText(status)
	return p
}

// From returns the problem that err shows to a client: a *Problem as it is, an
// *wol.Error by its kind, and anything else as its kind alone. Causes stay out.
func From(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*wol.Error](err); ok {
		p := New(e.Kind, e.Message)
		p.Failed, p.RetryAfter = e.Failed, e.RetryAfter
		return p
	}
	return New(wol.KindOf(err), "")
}

// Error makes Problem an error.
func (p *Problem) Error() string { return p.Detail }

// For returns a copy that carries a request's id.
func (p *Problem) For(requestID string) *Problem {
	q := *p
	q.RequestID = requestID
	return &q
}

// RetryAfterHeader returns the value of the Retry-After header in whole
// seconds, at least 1 (RFC 9110 section 10.2.3), or "" for none.
func (p *Problem) RetryAfterHeader() string {
	if p.RetryAfter <= 0 {
		return ""
	}
	return strconv.Itoa(max(1, int(math.Ceil(p.RetryAfter.Seconds()))))
}

// Write sends the problem as an HTTP response.
func (p *Problem) Write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", ContentType)
	if value := p.RetryAfterHeader(); value != "" {
		w.Header().Set("Retry-After", value)
	}
	w.WriteHeader(p.Status)
	return json.NewEncoder(w).Encode(p)
}

// maxDetail bounds what Read takes over of another's words, in bytes.
const maxDetail = 1 << 10

// Read turns an error answer back into the *wol.Error that it was made from.
// ok is false for a body that is not ours: no known code, a code that does not go
// with the status, or a detail longer than any of ours.
func Read(status int, body []byte, retryAfter string) (e *wol.Error, ok bool) {
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.OK || p.Status != status {
		return nil, false
	}
	expected, _, known := table(p.Code)
	if p.Code == wol.Invalid && status >= 400 && status < 500 {
		expected = status
	}
	if !known || expected != status || len(p.Detail) > maxDetail {
		return nil, false
	}
	e = &wol.Error{Kind: p.Code, Message: p.Detail, Failed: p.Failed}
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds > 0 && seconds <= 86400 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e, true
}
