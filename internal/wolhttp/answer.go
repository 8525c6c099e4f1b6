package wolhttp

import (
	"encoding/json"
	"net/http"
	"time"

	"wolgate/internal/problem"
	"wolgate/internal/wol"
)

// Receipts for a thousand targets take megabytes on a host with many interfaces, and cost
// the packet budget little if all name one target. Peers that read slowly on many
// connections would make us hold all of them, so only a few are written at a time.
const (
	largeAnswer  = 64 << 10        // bytes, about
	largeAnswers = 4               // at a time
	readingTime  = 2 * time.Second // for a peer on the same host
	turnTime     = 5 * time.Second // that a large one waits for its turn
)

// answer writes the answer to a call.
func (h *handler) answer(w http.ResponseWriter, id string, answer any) error {
	receipts, _ := answer.(wol.Receipts)
	if size(receipts) > largeAnswer {
		turn := time.NewTimer(turnTime)
		defer turn.Stop()
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-turn.C: // the caller cannot know what was sent
			return problem.From(&wol.Error{Kind: wol.Timeout}).For(id).Write(w)
		}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(readingTime)) // tests have none
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}

// size estimates how many bytes receipts take as JSON.
func size(receipts wol.Receipts) int {
	const receipt, destination = 150, 100
	n := 0
	for _, r := range receipts.Receipts {
		n += receipt + destination*(len(r.Sent)+len(r.Failed))
	}
	return n
}
