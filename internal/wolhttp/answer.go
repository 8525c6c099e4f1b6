package wolhttp

import (
	"encoding/json"
	"net/http"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// Receipts for a thousand targets, which may be one and the same that costs the packet
// budget little, take megabytes where there are many interfaces. A peer that reads
// slowly on many connections would have us hold all of them.
const (
	largeAnswer  = 64 << 10        // bytes, about
	largeAnswers = 4               // at a time
	readingTime  = 2 * time.Second // for a peer on the same host
	turnTime     = 5 * time.Second // that a large one waits, whatever has become of its caller
)

// answer writes what a call has come to.
func (h *handler) answer(w http.ResponseWriter, id string, answer any) error {
	receipts, _ := answer.(wol.Receipts)
	if size(receipts) > largeAnswer {
		turn := time.NewTimer(turnTime)
		defer turn.Stop()
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-turn.C: // what was sent is not known there
			return problem.From(&wol.Error{Kind: wol.Timeout}).For(id).Write(w)
		}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(readingTime)) // tests have none
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

// size is about how many bytes receipts take as JSON.
func size(receipts wol.Receipts) int {
	const receipt, destination = 150, 100
	n := 0
	for _, r := range receipts.Receipts {
		n += receipt + destination*(len(r.Sent)+len(r.Failed))
	}
	return n
}
