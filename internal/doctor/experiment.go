package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
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
	echoed uint16 // the port of the second probe, or 0
	method Method
	excuse error // why there is no better method
	trials []trial
	links  links // afterwards; nil where the kernel does not tell
}

func (f facts) experiment(ctx context.Context, port uint16, open Open) (experiment, error) {
	w, excuse := openWitness(port, f.samePort(port))
	defer w.close()
	e := experiment{port: port, echoed: w.port(), method: w.method(), excuse: excuse, trials: f.newTrials(), links: f.links}
	e.send(ctx, f, w, open)
	if err := e.watch(ctx, w); err != nil {
		return experiment{}, err
	}
	return e, e.count(ctx, f.links)
}

// send sends every probe, and where the witness listens on a port of its own,
// once more to that: whether the kernel accepts a packet depends on its port, and
// only the configured one counts.
func (e *experiment) send(ctx context.Context, f facts, w witness, open Open) {
	waker, closing := open(0)
	defer closing()
	for i := range e.trials {
		e.trials[i].send(ctx, waker, f, w)
		_ = e.take(w, time.Now().Add(glance)) // the witness has room for some hundred; an error comes again
	}
	if e.echoed == 0 {
		return
	}
	echo, closing := open(e.echoed)
	defer closing()
	for i := range e.trials {
		e.trials[i].echo(ctx, echo, f)
		_ = e.take(w, time.Now().Add(glance))
	}
}

// watch waits for what the witness can see, and no longer than it has to.
func (e *experiment) watch(ctx context.Context, w witness) error {
	defer context.AfterFunc(ctx, w.close)()
	err := e.take(w, time.Now().Add(watchTime))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// take notes what is seen until then, or until nothing more can be.
func (e *experiment) take(w witness, until time.Time) error {
	for !e.complete() {
		s, err := w.next(until)
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

// complete says whether everything has been seen that can be.
func (e *experiment) complete() bool {
	for _, t := range e.trials {
		for _, l := range t.legs {
			seen := len(e.missed(l)) == 0
			if e.method == OwnBroadcast {
				seen = l.echoed || !l.watched
			}
			if !seen {
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
