package doctor

import (
	"context"
	"slices"
	"time"
)

// How long the counters are watched. Those of some drivers move every second or two.
const (
	countTime = 3 * time.Second
	countStep = 50 * time.Millisecond
)

// count looks at the interfaces after the probes. A socket that hears its own
// broadcasts does not know of the drivers, so that their counters have to tell,
// and are waited for.
func (e *experiment) count(ctx context.Context, before links) error {
	if before == nil {
		return nil
	}
	step := time.NewTicker(countStep)
	defer step.Stop()
	for end := time.Now().Add(countTime); ; {
		now, err := readLinks()
		if err != nil {
			return err
		}
		e.links = now
		if e.method != OwnBroadcast || e.counted(before) || time.Now().After(end) {
			return nil
		}
		select {
		case <-step.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// counted notes which interfaces have taken at least as many packets as were
// broadcast by them, and says whether all have.
func (e *experiment) counted(before links) bool {
	need := map[int]uint64{}
	for _, t := range e.trials {
		for _, l := range slices.Concat(t.legs, t.echoes) {
			if l.broadcast() {
				need[l.out]++
			}
		}
	}
	all := true
	for _, t := range e.trials {
		for i, l := range t.legs {
			l.left = e.links.took(before, l.outlets, need[l.out], floods(e.links.at(l.out)))
			t.legs[i] = l
			all = all && len(e.missed(l)) == 0
		}
	}
	return all
}

// took returns which of the outlets have sent at least n packets since before; where
// one of them sends for all, which have sent any of the n.
func (l links) took(before links, outlets []int, n uint64, each bool) []int {
	var took []int
	var sum uint64
	for _, index := range outlets {
		now := l.at(index).Sent
		sent := now - min(now, before.at(index).Sent) // a counter may have started again
		sum += sent
		if sent >= n || !each && sent > 0 {
			took = append(took, index)
		}
	}
	if sum < n {
		return nil
	}
	return took
}
