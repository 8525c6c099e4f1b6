package broadcast

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// maxPending bounds the copies that are still to be sent, and with them the
// memory of a daemon that is asked for more than its budget lets out.
const maxPending = 1 << 17

// hurryTime is how long the copies that are left at shutdown may take to leave
// all at once; that is time for far more than maxPending.
const hurryTime = time.Second

// job is what remains to be sent for one call.
type job struct {
	requestID    string
	packets      [][]byte
	destinations []destination
	left         int // copies still to come
	due          time.Time
}

// size is how many packets are still to be sent.
func (j job) size() int { return len(j.packets) * len(j.destinations) * j.left }

// copies sends the second and later copies of packets. Every job waits the same
// interval, so that a queue in order of arrival is one in order of time.
type copies struct {
	interval time.Duration
	pace     func(ctx context.Context, packets int) error
	log      *slog.Logger

	mu      sync.Mutex
	queue   []job
	pending int // packets still to be sent, of the jobs reserved or queued
	closing bool
	arrival chan struct{} // holds one token when queue or closing has changed

	patient context.Context // ends when neither gaps nor pace are kept any more
	hurry   context.CancelFunc
	alive   context.Context // ends when what is left is dropped
	abandon context.CancelFunc
	done    chan struct{} // closed when the last copy has gone

	failed [maxBatch]error // run's own
}

func newCopies(interval time.Duration, pace func(context.Context, int) error, log *slog.Logger) *copies {
	alive, abandon := context.WithCancel(context.Background())
	patient, hurry := context.WithCancel(alive)
	c := &copies{
		interval: interval, pace: pace, log: log,
		arrival: make(chan struct{}, 1), patient: patient, hurry: hurry, alive: alive, abandon: abandon, done: make(chan struct{}),
	}
	go c.run()
	return c
}

// reserve makes room for j before its first copy leaves, so that no wake is
// answered whose copies would have to be dropped.
func (c *copies) reserve(j job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending+j.size() > maxPending && c.pending > 0 {
		return false
	}
	c.pending += j.size()
	return true
}

func (c *copies) release(j job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending -= j.size()
}

// add queues a reserved job for its next copy.
func (c *copies) add(j job) {
	if j.left == 0 {
		return
	}
	j.due = time.Now().Add(c.interval)
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

// drain waits until every copy has gone, hurrying after grace, and no longer than
// hurryTime after that.
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
	for {
		j, ok := c.next()
		if !ok {
			return
		}
		c.wait(time.Until(j.due))
		c.send(j)
		round := j
		round.left = 1
		c.release(round)
		j.left--
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

// send repeats every packet of a job. A copy that fails is logged and no more:
// the answer has left, and it was true when it did.
func (c *copies) send(j job) {
	failures, last := 0, error(nil)
	// Its error says that nobody is patient any more. All of a job is paid for at
	// once: were it in small sums, every call that waits would come in between.
	_ = c.pace(c.patient, len(j.packets)*len(j.destinations))
	for batch := range slices.Chunk(j.packets, maxBatch) {
		for _, to := range j.destinations {
			failed := c.failed[:len(batch)]
			if c.alive.Err() == nil {
				to.send(c.patient, batch, failed)
			} else {
				for i := range failed {
					failed[i] = c.alive.Err()
				}
			}
			for _, err := range failed {
				if err != nil {
					failures, last = failures+1, err
				}
			}
		}
	}
	if failures > 0 {
		c.log.Warn("copies not sent", "request_id", j.requestID, "packets", failures, "err", plain(last))
	}
}
