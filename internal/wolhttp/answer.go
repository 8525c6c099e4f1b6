package wolhttp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"wolgate/internal/room"
	"wolgate/internal/wol"
)

const (
	// mostRoom is for the calls that can be large, from before their body is read until
	// their answer is written. Peers that ask on many connections and read slowly would
	// otherwise make us hold all of them.
	mostRoom = 16 << 20
	// interfacesRoom is what a list of interfaces takes, and roomTime how long a call waits
	// for room: less than its body has to arrive.
	interfacesRoom = 1 << 20
	roomTime       = 2 * time.Second

	largeAnswer = 64 << 10        // bytes, about: larger ones list once what receipts share
	readingTime = 2 * time.Second // for a peer on the same host
)

// takeRoom waits until a call may take that many bytes.
func (h *handler) takeRoom(ctx context.Context, bytes int64) (*room.Share, error) {
	ctx, cancel := context.WithTimeout(ctx, roomTime)
	defer cancel()
	return h.room.Take(ctx, bytes)
}

// bodySize returns how many bytes of a body may be read: one in chunks has no length.
func bodySize(r *http.Request) int {
	if r.ContentLength < 0 || r.ContentLength > maxBody {
		return maxBody
	}
	return int(r.ContentLength)
}

// answer writes the answer to a call.
func answer(w http.ResponseWriter, answer any) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(readingTime)) // tests have none
	w.Header().Set("Content-Type", "application/json")
	if receipts, many := answer.(wol.Receipts); many {
		_, err := io.Copy(w, receipts.Within(largeAnswer).JSON())
		return err
	}
	return json.NewEncoder(w).Encode(answer)
}
