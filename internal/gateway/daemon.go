package gateway

import "github.com/gofiber/fiber/v2"

// ok is the answer of the health routes.
type ok struct {
	OK bool `json:"ok" example:"true"`
} // @name Health

// interfaces lists the daemon's interfaces.
//
//	@Summary		List the interfaces of the daemon's host
//	@Description	Each interface, whether packets leave by it or why not, and their destinations; and what on this host swallows packets. It is what wol-server doctor says, without the probe. Needs a key with the scope admin.
//	@Tags			daemon
//	@ID				interfaces
//	@Produce		json
//	@Success		200	{object}	wol.Interfaces
//	@Produce		application/problem+json
//	@Failure		400	{object}	problem.Problem	"a query, or two credentials"
//	@Failure		401	{object}	problem.Problem	"no valid key"
//	@Failure		403	{object}	problem.Problem	"the key does not have the scope admin"
//	@Failure		429	{object}	problem.Problem	"asked too often"
//	@Failure		500	{object}	problem.Problem	"something went wrong here"
//	@Failure		502	{object}	problem.Problem	"something else answers in place of the daemon"
//	@Failure		503	{object}	problem.Problem	"daemon not there"
//	@Failure		504	{object}	problem.Problem	"daemon did not answer in time"
//	@Produce		json
//	@Security		Key
//	@Security		KeyHeader
//	@Router			/api/v1/interfaces [get]
func (g *gateway) interfaces(c *fiber.Ctx) error {
	return g.within(c, interfacesRoom, func() (reply, error) {
		list, err := g.Interfaces(g.Context, callOf(c).id)
		if err != nil {
			return reply{}, err
		}
		return ofInterfaces(list)
	})
}

// healthz reports that the process is up.
//
//	@Summary	Is the gateway up?
//	@Tags		health
//	@ID			healthz
//	@Produce	json
//	@Success	200	{object}	ok
//	@Router		/healthz [get]
func (g *gateway) healthz(c *fiber.Ctx) error { return c.JSON(ok{OK: true}) }

// readyz reports whether the daemon can be reached.
//
//	@Summary	Can the gateway reach the daemon?
//	@Tags		health
//	@ID			readyz
//	@Produce	json
//	@Success	200	{object}	ok
//	@Produce	application/problem+json
//	@Failure	500	{object}	problem.Problem	"something went wrong here"
//	@Failure	502	{object}	problem.Problem	"something else answers in place of the daemon"
//	@Failure	503	{object}	problem.Problem	"daemon not there, or it does not answer"
//	@Produce	json
//	@Router		/readyz [get]
func (g *gateway) readyz(c *fiber.Ctx) error {
	if err := g.Ready(callOf(c).id); err != nil {
		return err
	}
	return c.JSON(ok{OK: true})
}
