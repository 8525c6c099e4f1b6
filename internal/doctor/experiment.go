package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// watchTime is how long a probe is watched for. One that waits in no queue is seen
// within a glance.
const (
	watchTime = time.Second
	glance    = time.Millisecond
)

// experiment is what was sent and what was seen of it.
type experiment struct {
	port   uint16 // configured
	blind  error  // why nothing was watched; nil where it was
	trials []trial
	links  links // afterwards; nil where the kernel does not tell
}

// experiment sends a probe by each eligible interface. Without a tap it sends them
// all the same: what the kernel refuses is then still known.
func (f facts) experiment(ctx context.Context, port uint16, waker wol.Waker) (experiment, error) {
	e := experiment{port: port, trials: f.newTrials(), links: f.links}
	var t *tap
	if t, e.blind = openTap(); e.blind == nil {
		defer t.close()
	}
	for i := range e.trials {
		e.trials[i].send(ctx, waker, f, t != nil)
		if t != nil {
			_ = e.take(t, time.Now().Add(glance)) // the socket has room for some hundred; an error comes again
		}
	}
	if t == nil {
		return e, ctx.Err()
	}
	if err := e.watch(ctx, t); err != nil || f.links == nil {
		return e, err
	}
	var err error
	e.links, err = readLinks() // a cable may have been pulled since
	return e, err
}

// watch waits for what can be seen, and no longer than it has to.
func (e *experiment) watch(ctx context.Context, t *tap) error {
	defer context.AfterFunc(ctx, t.close)()
	err := e.take(t, time.Now().Add(watchTime))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// take notes what is seen until then, or until nothing more can be.
func (e *experiment) take(t *tap, until time.Time) error {
	for !e.complete() {
		s, err := t.next(until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		for i := range e.trials {
			e.trials[i].note(s)
		}
	}
	return nil
}

// complete reports whether everything has been seen that can be.
func (e *experiment) complete() bool {
	for _, t := range e.trials {
		for _, l := range t.legs {
			if len(e.missed(l)) > 0 {
				return false
			}
		}
	}
	return true
}

// missed returns the running outlets by which a leg's probe should have left and,
// as far as is known yet, has not. What is sent to one host, or to a group, leaves
// by that port of a bridge alone behind which the bridge knows it to be.
func (e *experiment) missed(l leg) []int {
	toEach := floods(e.links.at(l.out)) && (!l.fixed() || l.way.path.Broadcast)
	if !l.watched || len(l.left) > 0 && !toEach {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.outlets), func(index int) bool {
		return !e.links.runs(index) || slices.Contains(l.left, index)
	})
}

// unwatched is about a doctor that may not capture packets.
func (e *experiment) unwatched() []wol.Finding {
	if e.blind == nil {
		return nil
	}
	found := wol.Finding{Code: notWatched, Message: "doctor cannot see whether its probes leave this host (" + e.blind.Error() + "), and so not whether a LAN hears it"}
	if errors.Is(e.blind, os.ErrPermission) {
		found.Cure = "run doctor with sudo, in a container with docker exec --privileged --user 0"
	}
	return []wol.Finding{found}
}
