package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"wolgate/internal/wol"
)

// watchTime is how long probes are watched for. One that waits in no queue is captured
// within a glance.
const (
	watchTime = time.Second
	glance    = time.Millisecond
)

// probeRun is one probe by each eligible interface, and what was seen of them.
type probeRun struct {
	port   uint16 // configured
	blind  error  // why nothing was captured, or nil
	probes []probe
	links  links // afterwards; nil if they cannot be read
}

// probeRun sends a probe by each eligible interface. Without a capture it sends them
// all the same: what the kernel refuses is still known then.
func (f facts) probeRun(ctx context.Context, port uint16, waker wol.Waker) (probeRun, error) {
	r := probeRun{port: port, probes: f.newProbes(), links: f.links}
	c, err := openCapture()
	if r.blind = err; err == nil {
		defer c.close()
	}
	for i := range r.probes {
		r.probes[i].send(ctx, waker, f, c != nil)
		if c != nil {
			_ = r.take(c, time.Now().Add(glance)) // the socket holds some hundred; an error comes again
		}
	}
	if c == nil {
		return r, ctx.Err()
	}
	if err := r.watch(ctx, c); err != nil || f.links == nil {
		return r, err
	}
	r.links, err = readLinks() // a cable may have been pulled since
	return r, err
}

// watch waits until every probe was captured, or watchTime has passed.
func (r *probeRun) watch(ctx context.Context, c *capture) error {
	defer context.AfterFunc(ctx, c.close)()
	err := r.take(c, time.Now().Add(watchTime))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// take records what is captured until then, or until nothing more can be.
func (r *probeRun) take(c *capture, until time.Time) error {
	for !r.complete() {
		s, err := c.next(until)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		for i := range r.probes {
			r.probes[i].note(s)
		}
	}
	return nil
}

// complete reports whether everything was captured that can be.
func (r *probeRun) complete() bool {
	for _, p := range r.probes {
		for _, l := range p.legs {
			if len(r.missed(l)) > 0 {
				return false
			}
		}
	}
	return true
}

// missed returns the running uplinks by which a leg's probe should have left and was
// not captured so far. What is sent to one host, or to a group, leaves
// by that port of a bridge alone behind which the bridge knows it to be.
func (r *probeRun) missed(l leg) []int {
	toEach := floods(r.links.at(l.out)) && (!l.fixed() || l.route.path.Broadcast)
	if !l.watched || len(l.left) > 0 && !toEach {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.uplinks), func(index int) bool {
		return !r.links.runs(index) || slices.Contains(l.left, index)
	})
}

// unwatched reports that packets could not be captured.
func (r *probeRun) unwatched() []wol.Finding {
	if r.blind == nil {
		return nil
	}
	found := wol.Finding{Code: notWatched, Message: "doctor cannot see whether its probes leave this host (" + r.blind.Error() + "), and so not whether a LAN hears it"}
	if errors.Is(r.blind, os.ErrPermission) {
		found.Cure = "run doctor with sudo, in a container with docker exec --privileged --user 0"
	}
	return []wol.Finding{found}
}
