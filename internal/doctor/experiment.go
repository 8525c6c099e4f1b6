package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"wolgate/internal/rtnetlink"
)

// How long a probe is watched for. One that waits in no queue is seen within a
// millisecond; the counters of some drivers move every second or two.
const (
	watchTime  = time.Second
	stragglers = 20 * time.Millisecond // after all that was expected, for more ports of a bridge
	countTime  = 2 * time.Second
	countStep  = 50 * time.Millisecond
)

// experiment is what was sent and what was seen of it.
type experiment struct {
	port   uint16 // configured
	echoed uint16 // the port of the second probe, or 0
	method Method
	excuse error // why there is no better method
	trials []trial
	links  links // afterwards
}

func (f facts) experiment(ctx context.Context, port uint16, open Open) (experiment, error) {
	w, excuse := openWitness(port, f.samePort(port))
	defer w.close()
	e := experiment{port: port, echoed: w.port(), method: w.method(), excuse: excuse, trials: f.newTrials()}
	before, err := rtnetlink.Links()
	if err != nil {
		return experiment{}, err
	}
	if err := e.send(ctx, f, w, open); err != nil {
		return experiment{}, err
	}
	if err := e.watch(ctx, w); err != nil {
		return experiment{}, err
	}
	return e, e.count(ctx, before)
}

// send sends every probe, and where the witness listens on a port of its own,
// once more to that: whether the kernel accepts a packet depends on its port, and
// only the configured one counts.
func (e *experiment) send(ctx context.Context, f facts, w witness, open Open) error {
	waker, closing, err := open(0)
	if err != nil {
		return err
	}
	defer closing()
	for i := range e.trials {
		e.trials[i].send(ctx, waker, f, w)
	}
	if e.echoed == 0 {
		return nil
	}
	echo, closing, err := open(e.echoed)
	if err != nil {
		return err
	}
	defer closing()
	for i := range e.trials {
		e.trials[i].echo(ctx, echo, f)
	}
	return nil
}

// watch waits for what the witness can see, and no longer than it has to.
func (e *experiment) watch(ctx context.Context, w witness) error {
	defer context.AfterFunc(ctx, w.close)()
	for end := time.Now().Add(watchTime); ; {
		if e.complete() {
			if soon := time.Now().Add(stragglers); soon.Before(end) {
				end = soon
			}
		}
		s, err := w.next(end)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		for i := range e.trials {
			e.trials[i].note(s)
		}
	}
}

// complete says whether everything has been seen that can be.
func (e *experiment) complete() bool {
	for _, t := range e.trials {
		for _, l := range t.legs {
			if len(l.outlets) > 0 && len(l.seenAt) == 0 {
				return false
			}
		}
	}
	return true
}

// count looks at the interfaces after the probes. A socket that hears its own
// broadcasts does not know of the drivers, so that their counters have to tell,
// and are waited for.
func (e *experiment) count(ctx context.Context, before links) error {
	step := time.NewTicker(countStep)
	defer step.Stop()
	for end := time.Now().Add(countTime); ; {
		now, err := rtnetlink.Links()
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
	for i := range e.trials {
		legs := e.trials[i].legs
		for j, l := range legs {
			legs[j].counted = e.links.sent(l.out) >= before.sent(l.out)+need[l.out]
			all = all && legs[j].counted
		}
	}
	return all
}
