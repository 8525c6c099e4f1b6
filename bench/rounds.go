package main

import (
	"fmt"
	"time"
)

// warmUp is how long a design is asked before it is measured, with as many
// connections as it will be.
const warmUp = 200 * time.Millisecond

// measureLoad asks every design in every shape.
func measureLoad(p plan) (table, error) {
	t := table{
		title: "Wakes",
		head:  []string{"asked by", "design", "wakes/s", "p50", "p99", "p99.9", "CPU per wake", "wolgate to it"},
		note:  "The median of the rounds. CPU is that of the design's processes. The last column is wolgate's wakes/s divided by the design's in the same round: the median, and in brackets the least and the most. For the open loop it is the p99, where less is better.",
	}
	for _, how := range shapes() {
		var all []contender
		for _, d := range p.designs() {
			all = append(all, contender{d.name, func(span time.Duration) (seen sample, err error) {
				err = d.perform(func(s *stage) error {
					seen, err = s.measure(how, span)
					return err
				})
				return seen, err
			}})
		}
		seen, err := p.takeTurns(all)
		if err != nil {
			return table{}, fmt.Errorf("%s, %w", how.name, err)
		}
		for i, c := range all {
			t.row(describe(how, c.name, seen[i], seen[0], i > 0)...)
		}
	}
	return t, nil
}

// takeTurns returns what each contender did in each round. They take turns, so that
// what disturbs the machine for a while disturbs them all, and every second round is in
// reverse, so that none always comes after the same one.
func (p plan) takeTurns(all []contender) (seen [][]sample, err error) {
	seen = make([][]sample, len(all))
	for round := range p.rounds {
		for i := range all {
			if round%2 == 1 {
				i = len(all) - 1 - i
			}
			one, err := all[i].measure(p.span)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", all[i].name, err)
			}
			seen[i] = append(seen[i], one)
		}
	}
	return seen, nil
}

// contender is what takes a turn in a round.
type contender struct {
	name    string
	measure func(span time.Duration) (sample, error)
}

func (s *stage) measure(how shape, span time.Duration) (sample, error) {
	if _, err := how.ask(s.request(), warmUp); err != nil {
		return sample{}, err
	}
	before, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	seen, err := how.ask(s.request(), span)
	if err != nil {
		return sample{}, err
	}
	after, err := s.cpu()
	seen.cpu = (after - before) / time.Duration(max(1, len(seen.latency)))
	return seen, err
}

// describe returns the row of a contender.
func describe(how shape, name string, seen, ours []sample, compare bool) []string {
	row := []string{how.name, name, whole(median(each(seen, func(m sample) float64 { return m.perSecond })))}
	for _, q := range []float64{.5, .99, .999} {
		row = append(row, micro(median(each(seen, func(m sample) time.Duration { return m.quantile(q) }))))
	}
	row = append(row, micro(median(each(seen, func(m sample) time.Duration { return m.cpu }))), "")
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
