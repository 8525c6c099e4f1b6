package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// sample is what one measurement saw.
type sample struct {
	perSecond float64
	latency   []time.Duration // of each wake, sorted; none of a batch
	cpu       time.Duration   // for each wake, of the processes of a design
}

func newSample(latency []time.Duration, took time.Duration) sample {
	slices.Sort(latency)
	return sample{perSecond: float64(len(latency)) / took.Seconds(), latency: latency}
}

// quantile is by nearest rank: the smallest latency that a share of q does not exceed.
func (s sample) quantile(q float64) time.Duration {
	if len(s.latency) == 0 {
		return 0
	}
	return s.latency[int(math.Ceil(q*float64(len(s.latency))))-1]
}

// shape is a way of asking.
type shape struct {
	name string
	open bool // it asks by the clock
	ask  func(request []byte, span time.Duration) (sample, error)
}

const openLoopRate = 1000 // a second

func shapes() []shape {
	closed := func(conns int) func([]byte, time.Duration) (sample, error) {
		return func(request []byte, span time.Duration) (sample, error) { return closedLoop(request, conns, span) }
	}
	return []shape{
		{"8 connections", false, closed(8)},
		{"64 connections", false, closed(64)},
		{fmt.Sprintf("open loop, %d/s", openLoopRate), true, openLoop},
	}
}

// closedLoop asks on a number of connections, on each as soon as it has its answer.
func closedLoop(request []byte, conns int, span time.Duration) (sample, error) {
	clients, err := dialMany(conns)
	if err != nil {
		return sample{}, err
	}
	defer closeAll(clients)
	begun := time.Now()
	latency, err := askAll(clients, request, func() bool { return time.Since(begun) < span })
	return newSample(latency, time.Since(begun)), err
}

// askAll asks on every connection, on each as soon as it has its answer and for as
// long as more is true, and returns how long each wake took.
func askAll(clients []*client, request []byte, more func() bool) ([]time.Duration, error) {
	latency := make([][]time.Duration, len(clients))
	var all errgroup.Group
	for n, c := range clients {
		all.Go(func() error {
			for more() {
				asked := time.Now()
				if err := c.call(request); err != nil {
					return err
				}
				latency[n] = append(latency[n], time.Since(asked))
			}
			return nil
		})
	}
	err := all.Wait()
	return slices.Concat(latency...), err
}

// openLoop asks by the clock, whether the wakes before have been answered or not. A
// wake's latency begins when it was due: a design that makes it wait is charged for that.
// The thread that keeps the time writes each request itself, because to wake another
// one for that would be late again.
func openLoop(request []byte, span time.Duration) (sample, error) {
	const conns = 64
	clients, err := dialMany(conns)
	if err != nil {
		return sample{}, err
	}
	defer closeAll(clients)
	type asked struct {
		due time.Time
		err error
	}
	idle := make(chan int, conns)
	asking := make([]chan asked, conns)
	latency := make([][]time.Duration, conns)
	var all errgroup.Group
	for n, c := range clients {
		idle <- n
		asking[n] = make(chan asked, 1)
		all.Go(func() error {
			for a := range asking[n] {
				err := a.err
				if err == nil {
					err = c.answer()
				}
				if err != nil {
					return err // and stay out of idle
				}
				latency[n] = append(latency[n], time.Since(a.due))
				idle <- n
			}
			return nil
		})
	}
	begun := time.Now()
	byTheClock(begun, int(span.Seconds()*openLoopRate), func(due time.Time) bool {
		select {
		case n := <-idle:
			_, err := clients[n].Write(request)
			asking[n] <- asked{due, err}
			return true
		case <-time.After(patience): // every connection has failed
			return false
		}
	})
	for n := range clients {
		close(asking[n])
	}
	err = all.Wait()
	return newSample(slices.Concat(latency...), time.Since(begun)), err
}

// byTheClock calls ask n times, openLoopRate times a second, until it returns false.
// The wait is the kernel's, on a thread of its own: a Go timer may be a millisecond late.
func byTheClock(begun time.Time, n int, ask func(due time.Time) bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range n {
		due := begun.Add(time.Duration(i) * time.Second / openLoopRate)
		for wait := time.Until(due); wait > 0; wait = time.Until(due) {
			pause := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&pause, nil) // interrupted or not, the clock is looked at again
		}
		if !ask(due) {
			return
		}
	}
}

func dialMany(n int) ([]*client, error) {
	clients := make([]*client, 0, n)
	for range n {
		c, err := dial()
		if err != nil {
			closeAll(clients)
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func closeAll(clients []*client) {
	for _, c := range clients {
		_ = c.Close()
	}
}
