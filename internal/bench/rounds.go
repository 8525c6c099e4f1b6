package main

import (
	"fmt"
	"slices"
	"time"
)

// warmUp is how long a design is asked before it is measured, with as many
// connections as it will be.
const warmUp = 200 * time.Millisecond

// measureLoad asks every design in every shape.
func measureLoad(p plan, _ lan) (table, error) {
	t := table{
		title: "Wakes",
		head:  []string{"asked by", "design", "wakes/s", "p50", "p99", "p99.9", "CPU per wake", "wolgate to it"},
		note:  "The median of the rounds. CPU is that of the design's processes. The last column is wolgate's wakes/s divided by the design's in the same round: the median, and in brackets the least and the most. For the open loop it is the p99, where less is better.",
	}
	for _, how := range shapes() {
		all := contenders(p, how)
		seen := make([][]measured, len(all))
		for round := range p.rounds {
			// In turns, so that what disturbs the machine for a while disturbs them
			// all, and to and fro, so that nobody always comes after the same one.
			order := make([]int, len(all))
			for i := range order {
				order[i] = i
			}
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, i := range order {
				one, err := all[i].measure()
				if err != nil {
					return table{}, fmt.Errorf("%s, %s: %w", how.name, all[i].name, err)
				}
				seen[i] = append(seen[i], one)
			}
		}
		for i, c := range all {
			t.row(describe(how, c.name, seen[i], seen[0], i > 0)...)
		}
	}
	return t, nil
}

// measured is a sample, and the CPU time that each wake of it took.
type measured struct {
	sample
	cpu time.Duration
}

// contender is whatever takes a turn in a round.
type contender struct {
	name    string
	measure func() (measured, error)
}

// contenders returns the designs and, where they are asked as fast as they can answer,
// the bare loop.
func contenders(p plan, how shape) (all []contender) {
	for _, d := range designs() {
		all = append(all, contender{d.name, func() (m measured, err error) {
			err = p.perform(d, func(s *stage) error {
				m, err = s.measure(how, p.span)
				return err
			})
			return m, err
		}})
	}
	if !how.open {
		all = append(all, contender{"a loop of sendto(2), no HTTP", func() (measured, error) {
			perSecond, err := sendtoLoop(p.span)
			return measured{sample: sample{perSecond: perSecond}}, err
		}})
	}
	return all
}

func (s *stage) measure(how shape, span time.Duration) (measured, error) {
	if _, err := how.ask(s.request(), warmUp); err != nil {
		return measured{}, err
	}
	before, err := s.cpu()
	if err != nil {
		return measured{}, err
	}
	seen, err := how.ask(s.request(), span)
	if err != nil {
		return measured{}, err
	}
	after, err := s.cpu()
	return measured{seen, (after - before) / time.Duration(max(1, len(seen.latency)))}, err
}

// describe returns the row of a contender.
func describe(how shape, name string, seen, ours []measured, compare bool) []string {
	row := []string{how.name, name, whole(median(each(seen, func(m measured) float64 { return m.perSecond }))), "", "", "", "", ""}
	if len(seen[0].latency) > 0 {
		for i, q := range []float64{.5, .99, .999} {
			row[3+i] = micro(median(each(seen, func(m measured) time.Duration { return m.quantile(q) })))
		}
		row[6] = micro(median(each(seen, func(m measured) time.Duration { return m.cpu })))
	}
	if compare {
		ratios := make([]float64, len(seen))
		for round := range ratios {
			ratios[round] = ours[round].perSecond / seen[round].perSecond
			if how.open {
				ratios[round] = float64(ours[round].quantile(.99)) / float64(seen[round].quantile(.99))
			}
		}
		row[7] = ratio(ratios)
	}
	return row
}

// sendtoLoop sends the same packet as fast as one thread can, one system call each.
func sendtoLoop(span time.Duration) (perSecond float64, err error) {
	c, err := dialLAN()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	packet, err := packetFor(1)
	if err != nil {
		return 0, err
	}
	n, begun := 0, time.Now()
	for ; time.Since(begun) < span; n++ {
		if _, err := c.Write(packet); err != nil {
			return 0, fmt.Errorf("sendto: %w", err)
		}
	}
	return float64(n) / time.Since(begun).Seconds(), nil
}
