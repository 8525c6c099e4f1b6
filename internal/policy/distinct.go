package policy

import (
	"context"

	"wolgate/internal/wol"
)

// Distinct asks next once for a target that the request names several times.
// There is still a receipt for each, in the request's order.
func Distinct(next wol.Waker) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		if len(req.Targets) < 2 {
			return next.Wake(ctx, req)
		}
		position := make(map[wol.Target]int, len(req.Targets))
		unique := make([]wol.Target, 0, len(req.Targets))
		for _, target := range req.Targets {
			if _, seen := position[target]; !seen {
				position[target] = len(unique)
				unique = append(unique, target)
			}
		}
		all := req.Targets
		req.Targets = unique
		receipts, err := next.Wake(ctx, req)
		if err != nil || len(unique) == len(all) {
			return receipts, err
		}
		expanded := make([]wol.Receipt, len(all))
		for i, target := range all {
			expanded[i] = receipts[position[target]]
		}
		return expanded, nil
	})
}
