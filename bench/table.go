package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// table is one in Markdown.
type table struct {
	title string
	head  []string
	rows  [][]string
	note  string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t table) print(w io.Writer) {
	fmt.Fprintf(w, "\n### %s\n\n", t.title)
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.head)
	fmt.Fprintln(w, "|"+strings.Repeat("---|", len(t.head)))
	for _, r := range t.rows {
		line(r)
	}
	if t.note != "" {
		fmt.Fprintf(w, "\n%s\n", t.note)
	}
}

// median returns the one in the middle, of an even number the upper one.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func each[A, B any](list []A, f func(A) B) []B {
	all := make([]B, len(list))
	for i, a := range list {
		all[i] = f(a)
	}
	return all
}

func whole(f float64) string { return fmt.Sprintf("%.0f", f) }

func micro(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }

// ratio is the median, and in brackets the least and the most.
func ratio(values []float64) string {
	return fmt.Sprintf("%.3g (%.3g to %.3g)", median(values), slices.Min(values), slices.Max(values))
}
