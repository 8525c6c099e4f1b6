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

// Problem is the error body.
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

// table returns the status of a kind, and what is said where an error has no words of its
// own. A kind that is not in it counts as internal, and is not known.
func table(kind wol.Kind) (status int, detail string, known bool) {
	known = true
	switch kind {
	case wol.Invalid:
		status, detail = http.StatusBadRequest, "the request is malformed: see the API documentation"
	case wol.Unauthenticated:
		status, detail = http.StatusUnauthorized, "a valid key is needed: send it as Authorization: Bearer KEY"
	case wol.Forbidden:
		status, detail = http.StatusForbidden, "this is not allowed: ask the operator of wolgate"
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

// From returns the problem that err shows to a client: an *wol.Error with its words, and
// anything else as its kind alone. Causes stay out.
func From(err error) *Problem {
	e, ok := errors.AsType[*wol.Error](err)
	if !ok {
		e = &wol.Error{Kind: wol.KindOf(err)}
	}
	status, detail, _ := table(e.Kind)
	if e.Status != 0 {
		status = e.Status
	}
	if e.Message != "" {
		detail = e.Message
	}
	return &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Code: e.Kind, Detail: detail, Failed: e.Failed, RetryAfter: e.RetryAfter,
	}
}

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
