package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// sample is what one measurement saw.
type sample struct {
	perSecond float64
	latency   []time.Duration // sorted
}

func newSample(latency []time.Duration, took time.Duration) sample {
	slices.Sort(latency)
	return sample{float64(len(latency)) / took.Seconds(), latency}
}

func (s sample) quantile(q float64) time.Duration {
	if len(s.latency) == 0 {
		return 0
	}
	return s.latency[min(len(s.latency)-1, int(q*float64(len(s.latency))))]
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
	latency, errs := make([][]time.Duration, conns), make([]error, conns)
	begun := time.Now()
	var all sync.WaitGroup
	for n, c := range clients {
		all.Go(func() {
			for now := time.Now(); now.Sub(begun) < span; {
				if errs[n] = c.call(request); errs[n] != nil {
					return
				}
				answered := time.Now()
				latency[n] = append(latency[n], answered.Sub(now))
				now = answered
			}
		})
	}
	all.Wait()
	return newSample(slices.Concat(latency...), time.Since(begun)), firstError(errs)
}

// openLoop asks by the clock, whether the wakes before have been answered or not. A
// wake's latency begins when it was due: whoever makes it wait is charged for that.
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
	latency, errs := make([][]time.Duration, conns), make([]error, conns)
	var all sync.WaitGroup
	for n, c := range clients {
		idle <- n
		asking[n] = make(chan asked, 1)
		all.Go(func() {
			for a := range asking[n] {
				if errs[n] = a.err; errs[n] == nil {
					errs[n] = c.answer()
				}
				if errs[n] != nil { // it stays out of idle
					return
				}
				latency[n] = append(latency[n], time.Since(a.due))
				idle <- n
			}
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
	all.Wait()
	return newSample(slices.Concat(latency...), time.Since(begun)), firstError(errs)
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

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
