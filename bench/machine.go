package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describeMachine prints where the figures come from, and how busy it is already.
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
	fmt.Fprintf(w, "%s, Linux %s, %d × %s; load average before the run %s.\n", time.Now().UTC().Format(time.DateOnly),
		unix.ByteSliceToString(name.Release[:]), runtime.NumCPU(), model, strings.Fields(string(load))[0])
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
