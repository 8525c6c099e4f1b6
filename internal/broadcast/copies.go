package broadcast

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"wolgate/internal/logs"
)

// maxPending bounds the packets of copies that are still to be sent, and with them the
// memory of a daemon that is asked for more than its budget allows.
const maxPending = 1 << 17

// hurryTime is how long sending the copies that are left at shutdown, without gaps, may
// take. They are paced as well: a restart must not be a flood.
const hurryTime = time.Second

// mostLate is how long after its time a copy is of use. One that is later, because the
// budget is used up or the process was stopped (SIGSTOP, a paused virtual machine),
// could wake a computer that somebody has switched off again since.
const mostLate = 5 * time.Second

// job is what remains to be sent for one call.
type job struct {
	requestID string
	parts     []part
	left      int // copies still to come
	due       time.Time
	meant     time.Time // when it would be due if no copy before had been late
}

// part is what goes to one destination.
type part struct {
	to      destination
	packets [][]byte
}

// packets is how many packets one copy has.
func (j job) packets() int {
	n := 0
	for _, p := range j.parts {
		n += len(p.packets)
	}
	return n
}

// copies sends the second and later copies of packets. Every job waits the same
// interval, so that a queue in order of arrival is one in order of time.
type copies struct {
	interval time.Duration
	pace     func(ctx context.Context, packets int) error
	retry    func() bool
	log      *slog.Logger

	mu      sync.Mutex
	queue   []job
	pending int // packets still to be sent, of the jobs reserved or queued
	closing bool
	arrival chan struct{} // holds one token when queue or closing has changed

	patient context.Context // ends when gaps are no longer kept
	hurry   context.CancelFunc
	alive   context.Context // ends when what is left is dropped
	abandon context.CancelFunc
	done    chan struct{} // closed when the last copy has left

	posts []post      // memory for send
	cut   int         // packets that were dropped at the end; run's own
	drops logs.Ration // of log lines
}

func newCopies(interval time.Duration, pace func(context.Context, int) error, retry func() bool, log *slog.Logger) *copies {
	alive, abandon := context.WithCancel(context.Background())
	patient, hurry := context.WithCancel(alive)
	c := &copies{
		interval: interval, pace: pace, retry: retry, log: log,
		arrival: make(chan struct{}, 1), patient: patient, hurry: hurry, alive: alive, abandon: abandon, done: make(chan struct{}),
	}
	go c.run()
	return c
}

// reserve makes room for that many packets before their first copy leaves, and reports
// whether there is room: no wake is answered and then its copies dropped.
func (c *copies) reserve(packets int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending+packets > maxPending && c.pending > 0 {
		return false
	}
	c.pending += packets
	return true
}

func (c *copies) release(packets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending -= packets
}

// add queues a reserved job for its next copy.
func (c *copies) add(j job) {
	if j.left == 0 {
		return
	}
	j.due = time.Now().Add(c.interval)
	if j.meant.IsZero() {
		j.meant = time.Now()
	}
	j.meant = j.meant.Add(c.interval)
	c.mu.Lock()
	c.queue = append(c.queue, j)
	c.mu.Unlock()
	c.signal()
}

func (c *copies) signal() {
	select {
	case c.arrival <- struct{}{}:
	default:
	}
}

// drain waits until every copy has left. After grace it keeps no gaps, and hurryTime
// after that it gives up.
func (c *copies) drain(grace time.Duration) {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.signal()
	defer time.AfterFunc(grace, c.hurry).Stop()
	defer time.AfterFunc(grace+hurryTime, c.abandon).Stop()
	<-c.done
}

func (c *copies) run() {
	defer close(c.done)
	defer func() {
		if c.cut > 0 {
			c.log.Warn("copies dropped at the end, --max-pps did not allow them in time", "packets", c.cut)
		}
	}()
	for {
		j, ok := c.next()
		if !ok {
			return
		}
		c.wait(time.Until(j.due))
		if c.send(j) {
			c.release(j.packets())
			j.left--
		} else {
			c.release(j.packets() * j.left)
			j.left = 0
		}
		c.add(j)
	}
}

// next takes the oldest job; ok is false when there will be none.
func (c *copies) next() (j job, ok bool) {
	for {
		c.mu.Lock()
		if len(c.queue) > 0 {
			j, c.queue[0] = c.queue[0], job{}
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return j, true
		}
		closing := c.closing
		c.mu.Unlock()
		if closing {
			return job{}, false
		}
		<-c.arrival
	}
}

func (c *copies) wait(gap time.Duration) {
	if gap <= 0 {
		return
	}
	timer := time.NewTimer(gap)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.patient.Done():
	}
}

// send repeats every packet of a job, and reports whether there is to be another copy.
// A copy that fails is only logged: the answer has left, and it was true when it did.
//
// Overdue copies are dropped rather than sent in one burst.
func (c *copies) send(j job) (again bool) {
	// The whole job is paid for in one turn: in smaller ones, every bulk call that waits
	// would come in between.
	if time.Since(j.meant) < mostLate && c.pace(c.alive, j.packets()) != nil {
		c.cut += j.packets() * j.left
		return false
	}
	if time.Since(j.meant) >= mostLate {
		c.drops.Warn(c.log, "copies dropped", "why", "they would leave more than 5 s late: raise --max-pps, or ask for less",
			"request_id", j.requestID, "packets", j.packets()*j.left)
		return false
	}
	failures, last := 0, error(nil)
	for start, more := 0, true; more; start += maxBatch {
		more = c.batch(j.parts, start)
		if err := c.alive.Err(); err == nil {
			sendPosts(c.patient, c.posts, c.retry)
		} else {
			for _, p := range c.posts {
				fill(p.failed, err)
			}
		}
		for _, p := range c.posts {
			for _, err := range p.failed {
				if err != nil {
					failures, last = failures+1, err
				}
			}
		}
	}
	for i := range c.posts {
		c.posts[i].packets = nil // or they would be kept as long as the memory
	}
	if failures > 0 {
		c.log.Warn("copies not sent", "request_id", j.requestID, "packets", failures, "err", errorText(last))
	}
	return true
}

// batch fills c.posts with the packets of each part from start on, at most maxBatch, and
// reports whether there are more.
func (c *copies) batch(parts []part, start int) (more bool) {
	// The memory is kept from one job to the next, so that copies allocate nothing.
	c.posts = slices.Grow(c.posts[:0], len(parts))[:len(parts)]
	for i, p := range parts {
		end := min(start+maxBatch, len(p.packets))
		batch := p.packets[min(start, end):end]
		failed := slices.Grow(c.posts[i].failed[:0], len(batch))[:len(batch)]
		c.posts[i] = post{to: p.to, packets: batch, failed: failed}
		more = more || end < len(p.packets)
	}
	return more
}

func fill(failed []error, err error) {
	for i := range failed {
		failed[i] = err
	}
}
