package wolhttp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wolgate/internal/logs"
	"wolgate/internal/problem"
	"wolgate/internal/room"
	"wolgate/internal/wol"
)

// defaultPatience bounds a call that names no deadline, and maxPatience one that
// names a distant one.
const (
	defaultPatience = 10 * time.Second
	maxPatience     = time.Minute
	answerTime      = 100 * time.Millisecond // at most, reserved for writing the response
)

// Interfaces lists the interfaces of the host.
type Interfaces func(ctx context.Context) (wol.Interfaces, error)

// Handler serves the daemon's contract over waker.
func Handler(waker wol.Waker, list Interfaces, log *slog.Logger) http.Handler {
	return &handler{waker: waker, list: list, log: log, room: room.New(mostRoom)}
}

type handler struct {
	waker    wol.Waker
	list     Interfaces
	log      *slog.Logger
	refusals logs.Ration // any peer of the socket could fill the disk otherwise
	room     *room.Room  // for calls that can be large
}

// ServeHTTP routes by the path as it was written: nothing is cleaned, and a MAC
// is unescaped exactly once.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := wol.RequestID(r.Header.Get(headerRequestID))
	w.Header().Set(headerRequestID, id)
	path := r.URL.EscapedPath()
	mac, one := strings.CutPrefix(path, pathWol+"/")
	var said any
	var share *room.Share // until the answer is written
	defer func() { share.Keep(0) }()
	ctx, cancel, err := deadline(r)
	defer cancel()
	if err == nil {
		err = fromProgram(r)
	}
	refused := true // by us; what was tried has a line of its own
	switch {
	case err != nil:
	case one || path == pathWol:
		err = allow(w, r, http.MethodPost)
		if err == nil && !one {
			share, err = h.takeRoom(ctx, room.ForBody(bodySize(r)))
		}
		if err == nil {
			said, refused, err = h.wake(ctx, w, r, id, mac, one)
		}
	case path == pathInterfaces:
		err = allow(w, r, http.MethodGet)
		if err == nil {
			share, err = h.takeRoom(ctx, interfacesRoom)
		}
		if err == nil {
			refused = false
			if said, err = h.list(ctx); err != nil {
				h.log.Warn("interfaces not listed", "request_id", id, "err", err)
				err = &wol.Error{Kind: wol.Internal, Err: err} // the words of other kinds are of packets
			}
		}
	case path == pathHealth:
		err = allow(w, r, http.MethodGet)
		said = map[string]bool{"ok": true}
	default:
		err = &wol.Error{Kind: wol.NotFound}
	}
	if err != nil && refused {
		h.refusals.Warn(h.log, "refused", "request_id", id, "kind", problem.From(err).Code, "err", err)
	}
	if err == nil {
		err = answer(w, said)
	} else {
		err = problem.From(err).For(id).Write(w)
	}
	if err != nil {
		h.log.Debug("answer not delivered", "request_id", id, "err", err)
	}
}

func allow(w http.ResponseWriter, r *http.Request, method string) error {
	if r.Method == method {
		return nil
	}
	w.Header().Set("Allow", method)
	return &wol.Error{Kind: wol.MethodNotAllowed}
}

// wake answers a call; refused is true where the waker was not even asked.
func (h *handler) wake(ctx context.Context, w http.ResponseWriter, r *http.Request, id, mac string, one bool) (answer any, refused bool, err error) {
	req, err := parse(w, r, mac, one)
	if err != nil {
		return nil, true, err
	}
	req.ID = id
	receipts, err := h.waker.Wake(ctx, req)
	switch {
	case err != nil:
		return nil, false, err
	case one:
		return receipts[0], false, nil
	default:
		return wol.NewReceipts(id, receipts), false, nil
	}
}

func parse(w http.ResponseWriter, r *http.Request, mac string, one bool) (wol.Request, error) {
	var body []byte
	var err error
	if r.ContentLength != 0 { // most calls for one target have no body
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return wol.Request{}, &wol.Error{Kind: wol.Invalid, Status: http.StatusRequestEntityTooLarge, Message: "the body is larger than 128 KiB: name fewer targets"}
		}
		return wol.Request{}, &wol.Error{Kind: wol.Invalid, Message: "the body did not arrive whole: send it again", Err: err}
	}
	if len(body) > 0 && !isJSON(r.Header["Content-Type"]) {
		return wol.Request{}, &wol.Error{Kind: wol.Invalid, Status: http.StatusUnsupportedMediaType, Message: "the body must be JSON: send it with Content-Type: application/json, or with none"}
	}
	if !one {
		return wol.ParseTargets(body)
	}
	plain, err := url.PathUnescape(mac)
	if err != nil {
		plain = "" // which is no MAC
	}
	return wol.ParseOptions(plain, body)
}

// isJSON reports whether a body may be JSON by its Content-Type, which may be absent.
// The types that a page can send anywhere without asking first (a CORS-safelisted
// request-header in the Fetch standard), a form's and text/plain, are not.
func isJSON(contentType []string) bool {
	if len(contentType) == 0 {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType[0])
	return len(contentType) == 1 && err == nil && kind == "application/json"
}

// deadline returns the context of one call, which ends with its connection too. What it
// returns is not nil in an error either.
func deadline(r *http.Request) (context.Context, context.CancelFunc, error) {
	now := time.Now()
	at := now.Add(defaultPatience)
	if text := r.Header.Get(headerDeadline); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return r.Context(), func() {}, &wol.Error{Kind: wol.Invalid, Message: headerDeadline + " is not a number: write milliseconds since 1970 UTC"}
		}
		// As a span it is on the monotonic clock: a step of the wall clock while the
		// call is under way (NTP) neither ends nor prolongs it.
		at = now.Add(time.UnixMilli(ms).Sub(now))
	}
	if at.After(now.Add(maxPatience)) {
		at = now.Add(maxPatience)
	}
	at = at.Add(-min(answerTime, max(0, at.Sub(now)/10)))
	ctx, cancel := context.WithDeadline(r.Context(), at)
	return ctx, cancel, nil
}
