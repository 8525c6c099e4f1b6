package policy

import (
	"context"

	"wolgate/internal/wol"
)

// Permit refuses a request whose caller may not wake each of its targets, and tells
// denied why before it returns.
func Permit(next wol.Waker, denied func(req wol.Request, why wol.Denial, detail string)) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		refuse := func(why wol.Denial, message string) ([]wol.Receipt, error) {
			denied(req, why, message)
			return nil, &wol.Error{Kind: wol.Forbidden, Message: message}
		}
		if !req.By.Has(wol.Wake) {
			return refuse(wol.NoScope, "this key does not have the scope wake: use one that has it")
		}
		for _, target := range req.Targets {
			if !req.By.May(wol.Wake, target.MAC) {
				return refuse(wol.NoTarget, "this key does not allow this target: use one that does")
			}
		}
		return next.Wake(ctx, req)
	})
}
