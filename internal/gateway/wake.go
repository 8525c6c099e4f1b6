package gateway

import (
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"wolgate/internal/audit"
	"wolgate/internal/room"
	"wolgate/internal/wol"
)

// wakeOne wakes the target in the path.
//
//	@Summary		Wake one computer
//	@Description	Sends a magic packet to the computer with this MAC from every eligible interface of the daemon's host, and returns a receipt of what left. It says *sent*, not *awake*: Wake-on-LAN has no acknowledgement.
//	@Tags			wake
//	@ID				wakeOne
//	@Produce		json
//	@Param			mac_addr	path		string			true	"MAC of the computer's network card: aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF, aabb.ccdd.eeff or aabbccddeeff"	example(02:11:22:33:44:55)
//	@Param			options		body		wol.Options		false	"SecureOn password and interface, both optional"
//	@Success		200			{object}	wol.Receipt		"sent, to every destination or to some of them"
//	@Produce		application/problem+json
//	@Failure		400			{object}	problem.Problem	"not a MAC of a network card, or a body that is not understood"
//	@Failure		401			{object}	problem.Problem	"no valid key"
//	@Failure		403			{object}	problem.Problem	"key or daemon does not allow this"
//	@Failure		413			{object}	problem.Problem	"body too large"
//	@Failure		415			{object}	problem.Problem	"body is not application/json"
//	@Failure		429			{object}	problem.Problem	"asked too often, or more packets than the daemon's budget"
//	@Failure		500	{object}	problem.Problem	"something went wrong here"
//	@Failure		502			{object}	problem.Problem	"something else answers in place of the daemon"
//	@Failure		503			{object}	problem.Problem	"daemon not there, or nothing could be sent"
//	@Failure		504			{object}	problem.Problem	"daemon did not answer in time"
//	@Header			200,429	{string}	RateLimit	"what is left: r more requests now, one more in t seconds"
//	@Header			200,429	{string}	RateLimit-Policy	"the key's limit: q requests at once, all of them again after w seconds"
//	@Header			429,503	{integer}	Retry-After	"seconds to wait"
//	@Produce		json
//	@Security		Key
//	@Security		KeyHeader
//	@Router			/api/v1/wol/{mac_addr} [post]
func (g *gateway) wakeOne(c *fiber.Ctx) error {
	mac, err := url.PathUnescape(strings.TrimPrefix(c.Path(), bulkPath+"/")) // exactly once
	if err != nil {
		mac = "" // which is no MAC
	}
	body, err := readBody(c, maxOptions)
	if err != nil {
		return g.refuse(c, audit.InputFail, err)
	}
	req, err := wol.ParseOptions(mac, body)
	if err != nil {
		return g.refuse(c, audit.InputFail, err)
	}
	receipts, err := g.wake(c, req)
	if err != nil {
		return err
	}
	return c.JSON(receipts[0])
}

// wakeMany wakes the targets in the body.
//
//	@Summary		Wake many computers
//	@Description	Sends a magic packet to each of 1 to 1000 computers and returns one receipt a target, in the request's order. One bad entry refuses the whole call before anything is sent; a target named twice is sent once. An answer that would have more than a megabyte lists once what receipts share, and refers to it by *same_as*.
//	@Tags			wake
//	@ID				wakeMany
//	@Produce		json
//	@Param			targets	body		wol.Targets		true	"the computers"
//	@Success		200		{object}	wol.Receipts	"ok is true when something was sent for every target"
//	@Produce		application/problem+json
//	@Failure		400		{object}	problem.Problem	"a target that is not a MAC of a network card, or a body that is not understood"
//	@Failure		401		{object}	problem.Problem	"no valid key"
//	@Failure		403		{object}	problem.Problem	"key or daemon does not allow one of the targets"
//	@Failure		413		{object}	problem.Problem	"body too large"
//	@Failure		415		{object}	problem.Problem	"body is not application/json"
//	@Failure		429		{object}	problem.Problem	"asked too often, or more packets than the daemon's budget"
//	@Failure		500	{object}	problem.Problem	"something went wrong here"
//	@Failure		502		{object}	problem.Problem	"something else answers in place of the daemon"
//	@Failure		503		{object}	problem.Problem	"daemon not there, or nothing could be sent"
//	@Failure		504		{object}	problem.Problem	"daemon did not answer in time"
//	@Header			200,429	{string}	RateLimit	"what is left: r more requests now, one more in t seconds"
//	@Header			200,429	{string}	RateLimit-Policy	"the key's limit: q requests at once, all of them again after w seconds"
//	@Header			429,503	{integer}	Retry-After	"seconds to wait"
//	@Produce		json
//	@Security		Key
//	@Security		KeyHeader
//	@Router			/api/v1/wol [post]
func (g *gateway) wakeMany(c *fiber.Ctx) error {
	body, err := readBody(c, maxBody)
	if err != nil {
		return g.refuse(c, audit.InputFail, err)
	}
	return g.within(c, room.ForBody(len(body)), func() (reply, error) {
		req, err := wol.ParseTargets(body)
		if err != nil {
			return reply{}, g.refuse(c, audit.InputFail, err)
		}
		c.Request().ResetBody() // fasthttp would keep it until the answer is written
		receipts, err := g.wake(c, req)
		if err != nil {
			return reply{}, err
		}
		return ofReceipts(wol.NewReceipts(callOf(c).id, receipts))
	})
}

// wake asks the waker on behalf of the caller.
func (g *gateway) wake(c *fiber.Ctx, req wol.Request) ([]wol.Receipt, error) {
	call := callOf(c)
	req.ID, req.By = call.id, call.caller
	return g.Waker.Wake(g.Context, req)
}

// readBody returns the request's body, which must be JSON where there is one.
func readBody(c *fiber.Ctx, limit int) ([]byte, error) {
	body := c.Request().Body() // as it came: c.Body would decompress it
	if len(body) == 0 {
		return nil, nil
	}
	if len(body) > limit {
		return nil, &wol.Error{Kind: wol.Invalid, Status: fiber.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", limit)}
	}
	if kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType)); err != nil || kind != fiber.MIMEApplicationJSON {
		return nil, notJSON()
	}
	return body, nil
}

func notJSON() error {
	return &wol.Error{Kind: wol.Invalid, Status: fiber.StatusUnsupportedMediaType, Message: "the body must be JSON: send it with Content-Type: application/json"}
}
