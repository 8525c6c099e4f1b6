package gateway

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/room"
	"wolgate/internal/wol"
)

const (
	// mostRoom is for the calls that can be large, until their answers are written: clients
	// that read slowly hold them. It leaves room for as many connections as there may be.
	mostRoom       = 32 << 20
	interfacesRoom = 1 << 20     // what a list of interfaces takes
	receiptRoom    = 256         // what a receipt takes whose lists are shared
	roomTime       = time.Second // how long a call waits for room

	largeAnswer = 1 << 20 // bytes, about: larger ones list once what receipts share
)

// reply is an answer that may be large.
type reply struct {
	text  io.Reader // JSON
	size  int
	keeps int64 // bytes that it takes in memory
}

// within makes and sends an answer in at most that many bytes of room, which are taken
// until it is written, or refuses the call.
func (g *gateway) within(c *fiber.Ctx, most int64, answer func() (reply, error)) error {
	ctx, cancel := context.WithTimeout(g.Context, roomTime)
	defer cancel()
	share, err := g.room.Take(ctx, most)
	if err != nil {
		g.Observe.Limited(MemoryLimit)
		return g.refuse(c, audit.RateLimitExceeded, err)
	}
	handedOver := false
	defer func() { // also where answer panics
		if !handedOver {
			share.Keep(0)
		}
	}()
	made, err := answer()
	if err != nil {
		return err
	}
	handedOver = true
	share.Keep(made.keeps)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.SendStream(shared{made.text, share}, made.size)
}

// ofReceipts is an answer that is encoded as it is read.
func ofReceipts(all wol.Receipts) (reply, error) {
	all = all.Within(largeAnswer)
	size, err := io.Copy(io.Discard, all.JSON()) // clients of HTTP/1.0 need to know it
	return reply{all.JSON(), int(size), receiptRoom * int64(len(all.Receipts))}, err
}

func ofInterfaces(list wol.Interfaces) (reply, error) {
	text, err := encodeLine(list)
	return reply{bytes.NewReader(text), len(text), int64(len(text))}, err
}

// shared is the body of an answer, with what it has taken of the room.
type shared struct {
	io.Reader
	share *room.Share
}

// Close is called by fasthttp once the answer is written, or cannot be.
func (s shared) Close() error {
	s.share.Keep(0)
	return nil
}
