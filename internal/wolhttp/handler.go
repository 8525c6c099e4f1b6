package wolhttp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// defaultPatience bounds a call that names no deadline, and maxPatience one that
// names a distant one.
const (
	defaultPatience = 10 * time.Second
	maxPatience     = time.Minute
	answerTime      = 100 * time.Millisecond // kept back, at most, for the answer's way home
)

// Interfaces tells of the interfaces of the host.
type Interfaces func(ctx context.Context) (wol.Interfaces, error)

// Handler serves the daemon's contract over waker.
func Handler(waker wol.Waker, list Interfaces, log *slog.Logger) http.Handler {
	return &handler{waker: waker, list: list, log: log}
}

type handler struct {
	waker wol.Waker
	list  Interfaces
	log   *slog.Logger
}

// ServeHTTP routes by the path as it was written: nothing is cleaned, and a MAC
// is unescaped exactly once.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := wol.RequestID(r.Header.Get(headerRequestID))
	w.Header().Set(headerRequestID, id)
	path := r.URL.EscapedPath()
	mac, one := strings.CutPrefix(path, pathWol+"/")
	var answer any
	var err error
	refused := true // by us; a wake that was tried has its own line
	switch {
	case r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "":
		// Programs do not send these; a page that found a way to the socket does.
		err = problem.New(wol.Forbidden, "the socket does not serve web pages: call it from a program")
	case one || path == pathWol:
		err = allow(w, r, http.MethodPost)
		if err == nil {
			answer, refused, err = h.wake(w, r, id, mac, one)
		}
	case path == pathInterfaces:
		err = allow(w, r, http.MethodGet)
		if err == nil {
			answer, err = h.list(r.Context())
		}
	case path == pathHealth:
		err = allow(w, r, http.MethodGet)
		answer = map[string]bool{"ok": true}
	default:
		err = problem.New(wol.NotFound, "")
	}
	if err != nil && refused {
		h.log.Warn("refused", "request_id", id, "kind", problem.From(err).Code, "err", err)
	}
	if err == nil {
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(w).Encode(answer)
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
	return problem.New(wol.MethodNotAllowed, "")
}

// wake answers a call; refused is true where the waker was not even asked.
func (h *handler) wake(w http.ResponseWriter, r *http.Request, id, mac string, one bool) (answer any, refused bool, err error) {
	start := time.Now()
	req, err := parse(w, r, mac, one)
	if err != nil {
		return nil, true, err
	}
	req.ID = id
	ctx, cancel, err := deadline(r)
	if err != nil {
		return nil, true, err
	}
	defer cancel()
	receipts, err := h.waker.Wake(ctx, req)
	h.record(req, receipts, err, time.Since(start))
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return wol.Request{}, problem.WithStatus(http.StatusRequestEntityTooLarge, "the body is larger than 128 KiB: name fewer targets")
		}
		return wol.Request{}, &wol.Error{Kind: wol.Invalid, Message: "the body did not arrive whole: send it again", Err: err}
	}
	if !one {
		return wol.ParseTargets(body)
	}
	plain, err := url.PathUnescape(mac)
	if err != nil {
		plain = "" // no MAC, like everything else that is not one
	}
	return wol.ParseOptions(plain, body)
}

// deadline returns the context of one call, which ends with its connection too.
func deadline(r *http.Request) (context.Context, context.CancelFunc, error) {
	now := time.Now()
	at := now.Add(defaultPatience)
	if text := r.Header.Get(headerDeadline); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, nil, &wol.Error{Kind: wol.Invalid, Message: headerDeadline + " is not a number: write milliseconds since 1970 UTC"}
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

// record writes the one line that a wake leaves in the daemon's log.
func (h *handler) record(req wol.Request, receipts []wol.Receipt, err error, took time.Duration) {
	const most = 10 // of 1000, which nobody could read
	var macs []string
	for _, target := range req.Targets[:min(most, len(req.Targets))] {
		macs = append(macs, target.MAC.String())
	}
	log := h.log.With("request_id", req.ID, "targets", len(req.Targets), "mac", macs, "took_ms", took.Milliseconds())
	if err != nil {
		level := slog.LevelError
		switch wol.KindOf(err) {
		case wol.Invalid, wol.RateLimited, wol.Forbidden:
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "wake not sent", "kind", wol.KindOf(err), "err", err)
		return
	}
	packets, unsent := 0, 0
	failed := map[string]int{} // by what failed, to how many targets: bounded by the interfaces
	for _, receipt := range receipts {
		packets += len(receipt.Sent)
		if !receipt.OK {
			unsent++
		}
		for _, f := range receipt.Failed {
			failed[strings.TrimSpace(f.Interface+" "+f.Destination+" "+f.Error)]++
		}
	}
	if len(failed) > 0 || unsent > 0 {
		log.Warn("wake sent in part", "packets", packets, "targets_not_sent", unsent, "failed", failed)
		return
	}
	log.Info("wake sent", "packets", packets)
}
