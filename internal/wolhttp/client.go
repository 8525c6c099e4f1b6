package wolhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

const (
	// MaxConnections bounds the descriptors that a Client holds open, and the
	// calls that the daemon serves for it at a time; further calls wait.
	MaxConnections = 64
	// attempts bounds how often a call is made whose connection broke.
	attempts = 3
	// retryAfter is what a caller is told to wait for a daemon that is not there.
	retryAfter = 2 * time.Second
)

// Client is the wol.Waker at the other end of the daemon's socket. It keeps one
// bounded pool of connections for as long as it lives; after a daemon restart it
// dials again by itself.
type Client struct {
	http    http.Client
	timeout time.Duration
}

// NewClient returns a client that dials with dial and gives each call timeout.
func NewClient(dial func(ctx context.Context, network, address string) (net.Conn, error), timeout time.Duration) *Client {
	return &Client{
		timeout: timeout,
		http: http.Client{
			// Not http.DefaultTransport: a proxy variable must not redirect a call.
			Transport: &http.Transport{
				DialContext:         dial,
				MaxConnsPerHost:     MaxConnections,
				MaxIdleConnsPerHost: MaxConnections,
				IdleConnTimeout:     time.Minute, // below the daemon's, so that the client closes first
				DisableCompression:  true,

				MaxResponseHeaderBytes: 16 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Wake asks the daemon. A call whose connection breaks is made again: a magic
// packet that is sent twice does no harm, one that is lost must not be answered
// ok.
func (c *Client) Wake(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
	path, body, err := encode(req)
	if err != nil {
		return nil, err
	}
	answer, err := c.call(ctx, http.MethodPost, path, req.ID, body)
	if err != nil {
		return nil, err
	}
	receipts, err := decode(answer, path)
	if err != nil {
		return nil, notOurs(err, answer)
	}
	if len(receipts) != len(req.Targets) {
		return nil, badUpstream(fmt.Errorf("%d receipts for %d targets", len(receipts), len(req.Targets)))
	}
	ok := false
	for i, receipt := range receipts {
		if receipt.MAC != req.Targets[i].MAC {
			return nil, badUpstream(fmt.Errorf("receipt %d is for another target", i+1))
		}
		ok = ok || receipt.OK
		receipts[i].RequestID = req.ID
	}
	if !ok {
		return nil, badUpstream(errors.New("an answer of success in which nothing was sent"))
	}
	return receipts, nil
}

// encode returns where a request goes, and its body. One target has a route of its own,
// where most requests need no body, which spares both ends the JSON of it.
func encode(req wol.Request) (path string, body []byte, err error) {
	if len(req.Targets) != 1 {
		body, err = json.Marshal(req.Body())
		return pathWol, body, err
	}
	target := req.Targets[0]
	if options := (wol.Options{SecureOn: target.SecureOn.Reveal(), Interface: req.Interface}); options != (wol.Options{}) {
		body, err = json.Marshal(options)
	}
	return pathWol + "/" + target.MAC.String(), body, err
}

func decode(answer []byte, path string) ([]wol.Receipt, error) {
	if path == pathWol {
		all, err := wol.ParseReceipts(answer)
		return all.Receipts, err
	}
	one, err := wol.ParseReceipt(answer)
	return []wol.Receipt{one}, err
}

// Interfaces asks for the interfaces of the daemon's host.
func (c *Client) Interfaces(ctx context.Context, requestID string) (answer wol.Interfaces, err error) {
	err = c.get(ctx, pathInterfaces, requestID, &answer)
	if err == nil && (answer.Interfaces == nil || answer.Findings == nil) {
		err = badUpstream(errors.New("an answer without a list of interfaces or of findings"))
	}
	return answer, err
}

// Ping asks whether the daemon is there.
func (c *Client) Ping(ctx context.Context, requestID string) error {
	var answer struct {
		OK bool `json:"ok"`
	}
	if err := c.get(ctx, pathHealth, requestID, &answer); err != nil {
		return err
	}
	if !answer.OK {
		return badUpstream(errors.New("the health answer is not ok"))
	}
	return nil
}

// get makes a call that wakes nothing and decodes the answer.
func (c *Client) get(ctx context.Context, path, id string, into any) error {
	answer, err := c.call(ctx, http.MethodGet, path, id, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return notOurs(err, answer)
	}
	return nil
}

// call makes one call within the client's timeout and returns the body of its success.
func (c *Client) call(ctx context.Context, method, path, id string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var seen exchange
	ctx = seen.trace(ctx)
	status, header, answer, err := c.attempt(ctx, method, path, id, body)
	for n := 1; n < attempts && seen.broken(err) && ctx.Err() == nil; n++ {
		status, header, answer, err = c.attempt(ctx, method, path, id, body)
	}
	delivered := seen.delivered.Load()
	if err != nil {
		return nil, classify(ctx, err, method == http.MethodPost, delivered > 0, seen.broken(err))
	}
	if status != http.StatusOK {
		e, ok := problem.Read(status, answer, header.Get("Retry-After"))
		if ok && e.Kind != wol.Unauthenticated && e.Kind != wol.NotFound && e.Kind != wol.MethodNotAllowed {
			// It was about to send, or an attempt before this one may have.
			e.Unsure = e.Kind == wol.Timeout || delivered > 1
			return nil, e // the daemon has no reason for these three
		}
		return nil, badUpstream(fmt.Errorf("status %d with a body that is not ours: %.80q", status, answer))
	}
	return answer, nil
}

func (c *Client) attempt(ctx context.Context, method, path, id string, body []byte) (int, http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://wol-server"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set(headerRequestID, id)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if at, ok := ctx.Deadline(); ok {
		r.Header.Set(headerDeadline, strconv.FormatInt(at.UnixMilli(), 10))
	}
	// net/http retries on a dead pooled connection only if the request counts as
	// idempotent. The presence of this header says so; having no value, it is not sent.
	r.Header["Idempotency-Key"] = nil
	response, err := c.http.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the bare connection, which no deadline of ctx ends.
		return 0, nil, nil, badUpstream(errors.New("the answer switches protocols"))
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(answer) > maxAnswer {
		return 0, nil, nil, badUpstream(errors.New("the answer is larger than 8 MiB"))
	}
	return response.StatusCode, response.Header, answer, nil
}

// classify turns a failed exchange into the error that the user meets. Only a call that wakes
// has packets to speak of.
func classify(ctx context.Context, err error, wakes, delivered, broken bool) error {
	unavailable := func(message string) *wol.Error {
		if wakes {
			message = "nothing was sent: " + message
		}
		return &wol.Error{Kind: wol.Unavailable, Message: message, RetryAfter: retryAfter, Err: err}
	}
	netErr, isNet := errors.AsType[net.Error](err)
	switch {
	case wol.KindOf(err) == wol.BadUpstream:
		return err
	case errors.Is(err, syscall.EAGAIN) && !delivered: // package net calls it a timeout
		return unavailable("wol-server has more calls waiting than it can take")
	case ctx.Err() != nil, isNet && netErr.Timeout():
		e := &wol.Error{Kind: wol.Timeout, Unsure: wakes && delivered, Err: err}
		if !wakes {
			e.Message = "wol-server did not answer in time: try again, and restart it if that does not help"
		}
		return e
	case broken, delivered && isDial(err):
		unknown := ""
		if wakes {
			unknown = ", so it is not known whether a packet left"
		}
		return &wol.Error{Kind: wol.Unavailable, Unsure: wakes, RetryAfter: retryAfter, Err: err,
			Message: "wol-server broke off the call" + unknown + ": try again; it may be restarting, or its --allow-uids does not name the user of api-server"}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return unavailable("wol-server is not running, or its socket is not where api-server looks; start it, or check --wol-socket")
	case errors.Is(err, fs.ErrPermission):
		return unavailable("api-server may not open the socket of wol-server; give it the group of the socket and its directory")
	case isDial(err):
		return unavailable("the socket of wol-server cannot be opened; see the log of api-server")
	default:
		return badUpstream(err)
	}
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// badUpstream is the error of an answer that is not the daemon's. It is not known what
// became of the request.
func badUpstream(err error) error { return &wol.Error{Kind: wol.BadUpstream, Unsure: true, Err: err} }

// notOurs is badUpstream for an answer of success that cannot be read.
func notOurs(err error, answer []byte) error {
	return badUpstream(fmt.Errorf("status 200 with a body that is not ours: %w: %.80q", err, answer))
}
