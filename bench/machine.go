package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describeMachine prints where the figures come from, and how busy it was already.
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

// machine is what the processors have done since it was started.
type machine struct {
	all, busy, stolen time.Duration
	own               time.Duration // by this process and those that it has waited for
}

// lookAtMachine reads /proc/stat, proc(5).
func lookAtMachine() (m machine, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.Atoi(field)
		if err != nil {
			return m, err
		}
		m.all += time.Duration(n) * tick
		switch i {
		case 3, 4:
		case 7:
			m.stolen += time.Duration(n) * tick
		default:
			m.busy += time.Duration(n) * tick
		}
	}
	var self, ended unix.Rusage
	err = errors.Join(unix.Getrusage(unix.RUSAGE_SELF, &self), unix.Getrusage(unix.RUSAGE_CHILDREN, &ended))
	m.own = time.Duration(self.Utime.Nano() + self.Stime.Nano() + ended.Utime.Nano() + ended.Stime.Nano())
	return m, err
}

// since returns a sentence on how much of the machine others had since before.
func (m machine) since(before machine) string {
	percent := func(d time.Duration) int { return int(100 * max(0, d) / max(1, m.all-before.all)) }
	return fmt.Sprintf("While this ran, other processes had %d %% of the processors, and the hypervisor kept %d %%.",
		percent(m.busy-before.busy-(m.own-before.own)), percent(m.stolen-before.stolen))
}
