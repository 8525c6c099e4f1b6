// Bench measures wolgate against what this machine allows, and prints a table in
// Markdown. It makes a network namespace with a LAN of its own, runs both programs
// there as a user would, and in the same rounds what they are compared with: see
// designs. Only ratios within one run say something of wolgate; the figures say how
// fast the machine was just then.
//
// "make bench" builds and runs it, and docs/benchmarks.md says how to read it. The
// programs api-server and wol-server are taken from beside it. No packet leaves the
// namespace.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"wolgate/internal/program"
)

// plan says where and how long to measure.
type plan struct {
	far    int           // index of the end of the LAN at which wakes arrive
	bin    string        // directory of the two programs
	rounds int           // how often everything is measured, in turns
	span   time.Duration // of one measurement
	wakes  int           // after which memory is looked at
}

func main() {
	if len(os.Args) == 3 {
		if role, ok := roles()[os.Args[1]]; ok { // another bench has started this one
			serve := []string{"serve", os.Args[2]} // for which program.Main writes the log as it does for both programs
			os.Exit(program.Main(os.Args[1], serve, os.Stderr, func(_ string, args []string, stderr io.Writer) error { return role(args[0], stderr) }))
		}
	}
	var p plan
	flag.IntVar(&p.rounds, "rounds", 5, "how often everything is measured, in turns")
	flag.DurationVar(&p.span, "span", time.Second, "how long each measurement takes")
	flag.IntVar(&p.wakes, "wakes", 200_000, "after how many wakes memory is looked at again")
	flag.Parse()
	if err := run(p); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(p plan) (err error) {
	if p.rounds < 1 || p.span < time.Millisecond || p.wakes < 1 || flag.NArg() > 0 {
		return errors.New("-rounds and -wakes are to be above 0, -span 1ms or more, and nothing follows them")
	}
	if !inside() {
		return again()
	}
	if p.bin, err = programsBeside(); err != nil {
		return err
	}
	if p.far, err = newLAN(); err != nil {
		return fmt.Errorf("make a LAN: %w", err)
	}
	if err := describeMachine(os.Stdout); err != nil {
		return err
	}
	before, err := lookAtMachine()
	if err != nil {
		return err
	}
	for _, section := range []func(plan) (table, error){measureLoad, measureWire, measureBatch, measureFootprint} {
		t, err := section(p)
		if err != nil {
			return err
		}
		t.print(os.Stdout)
	}
	after, err := lookAtMachine()
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n", after.since(before))
	return nil
}
