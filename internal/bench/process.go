package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of CPU time in proc(5): sysconf(_SC_CLK_TCK) is 100 on Linux.
const tick = 10 * time.Millisecond

// cpu returns how long the processes of the stage have used a processor.
func (s *stage) cpu() (total time.Duration, err error) {
	for _, cmd := range s.running {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), ") ") // behind the name, which may hold spaces
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] { // utime and stime
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, err
			}
			total += time.Duration(n) * tick
		}
	}
	return total, nil
}

// memory returns how many bytes of a process are in memory (VmRSS in proc(5)), what it
// maps of its own file included.
func memory(pid int) (bytes int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has ended", pid)
}

func descriptors(pid int) (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries), err
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

// since says how much of the machine others had since before.
func (m machine) since(before machine) string {
	percent := func(d time.Duration) int { return int(100 * max(0, d) / max(1, m.all-before.all)) }
	return fmt.Sprintf("While this ran, other processes had %d %% of the processors, and the hypervisor kept %d %%.",
		percent(m.busy-before.busy-(m.own-before.own)), percent(m.stolen-before.stolen))
}
