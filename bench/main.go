package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// plan is where and how long to measure.
type plan struct {
	far    int           // index of the end of the LAN at which wakes arrive
	bin    string        // directory of the two programs
	base   string        // directory of the two programs of another build, or ""
	rounds int           // how often everything is measured, in turns
	span   time.Duration // of one measurement
	wakes  int           // after which memory is looked at
}

func main() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start() error {
	if len(os.Args) == 3 {
		if serve, ok := standIns()[os.Args[1]]; ok { // bench has started itself
			return serve(os.Args[2])
		}
	}
	var p plan
	flag.StringVar(&p.base, "base", "", "directory with the two programs of another build, to compare with")
	flag.IntVar(&p.rounds, "rounds", 5, "how often everything is measured, in turns")
	flag.DurationVar(&p.span, "span", time.Second, "how long each measurement takes")
	flag.IntVar(&p.wakes, "wakes", 200_000, "after how many wakes memory is looked at again")
	flag.Parse()
	if p.rounds < 1 || p.span < time.Millisecond || p.wakes < 1 || flag.NArg() > 0 {
		return errors.New("-rounds and -wakes must be above 0 and -span at least 1ms, and there are no other arguments")
	}
	return run(p)
}

func run(p plan) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.bin = filepath.Dir(self)
	if p.far, err = newLAN(); err != nil {
		return fmt.Errorf("make a LAN: %w", err)
	}
	if err := describeMachine(os.Stdout); err != nil {
		return err
	}
	for _, section := range []func(plan) (table, error){measureLoad, measureWire, measureBatch, measureFootprint} {
		t, err := section(p)
		if err != nil {
			return err
		}
		t.print(os.Stdout)
	}
	return nil
}
