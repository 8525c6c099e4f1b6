package policy

import (
	"context"
	"fmt"
	"strings"

	"wolgate/internal/wol"
)

// AllowList holds the MACs that may be woken.
type AllowList map[wol.MAC]struct{}

// ParseAllowList reads one MAC per line; a # starts a comment. The error names
// the line. An empty list is an error: it would allow nothing.
func ParseAllowList(text []byte) (AllowList, error) {
	list := AllowList{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		entry, _, _ := strings.Cut(line, "#")
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		mac, err := wol.ParseMAC(entry)
		if err != nil {
			return nil, fmt.Errorf("line %d is not a MAC address of a network card: write one such as aa:bb:cc:dd:ee:ff a line, comments after #", n)
		}
		list[mac] = struct{}{}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no MAC address in it, so nothing could be woken: write one a line, or omit --allow to allow any")
	}
	return list, nil
}

// Allow refuses a request that names a target which the list that current returns
// does not have.
func Allow(next wol.Waker, current func() AllowList) wol.Waker {
	return wol.WakerFunc(func(ctx context.Context, req wol.Request) ([]wol.Receipt, error) {
		list := current()
		for _, target := range req.Targets {
			if _, ok := list[target.MAC]; !ok {
				return nil, &wol.Error{Kind: wol.Forbidden, Message: "wol-server does not allow this target: its operator can add it to the --allow file"}
			}
		}
		return next.Wake(ctx, req)
	})
}
