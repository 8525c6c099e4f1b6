package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"wolgate/internal/program"
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

// describeMachine says where the figures come from, and how busy it was already.
func describeMachine(w io.Writer) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	model, err := processor()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, Linux %s, %d × %s; load average before the run %s. wolgate %s.\n", time.Now().UTC().Format(time.DateOnly),
		unix.ByteSliceToString(name.Release[:]), runtime.NumCPU(), model, strings.Fields(string(load))[0], program.Version())
	return nil
}

func processor() (string, error) {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value), nil
		}
	}
	return runtime.GOARCH, lines.Err() // not every architecture has a name
}
