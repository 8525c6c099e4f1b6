package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"wolgate/internal/unixsock"
)

// measureFootprint looks at both programs once they are ready, a second later, and
// after many wakes.
func measureFootprint(p plan) (table, error) {
	t := table{
		title: "Footprint",
		head:  []string{"", "wol-server", "api-server"},
		note:  "Memory is VmRSS in MB of 1,000,000 bytes, the program's own file as far as it is mapped included. Descriptors and goroutines are those after 1,000 wakes of 8 clients that stay connected.",
	}
	names := []string{"wol-server", "api-server"}
	size, err := sizes(p.bin, names)
	if err != nil {
		return table{}, err
	}
	t.row("file", mb(size[0]), mb(size[1]))
	starts := make([][]time.Duration, 2)
	for range p.rounds {
		s, took, err := p.startBoth("")
		s.end()
		if err != nil {
			return table{}, err
		}
		for i := range starts {
			starts[i] = append(starts[i], took[i])
		}
	}
	t.row("start to first answer", milli(median(starts[0])), milli(median(starts[1])))

	if err := p.measureOpen(&t); err != nil {
		return table{}, err
	}
	return t, p.measureMemory(&t)
}

// measureOpen looks at descriptors and goroutines.
func (p plan) measureOpen(t *table) error {
	said, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	s, _, err := p.startBoth(said)
	defer s.end()
	if err != nil {
		return err
	}
	return s.wakes(1000, func() error {
		open, err := s.both(descriptors)
		if err != nil {
			return err
		}
		t.row("descriptors", fmt.Sprint(open[0]), fmt.Sprint(open[1]))
		running, err := s.goroutines()
		t.row("goroutines", fmt.Sprint(running[0]), fmt.Sprint(running[1]))
		return err
	})
}

func (p plan) measureMemory(t *table) error {
	s, _, err := p.startBoth("")
	defer s.end()
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	idle, err := s.both(memory)
	if err != nil {
		return err
	}
	t.row("memory, idle", mb(idle[0]), mb(idle[1]))
	if err := s.wakes(p.wakes, func() error { return nil }); err != nil {
		return err
	}
	after, err := s.both(memory)
	t.row(fmt.Sprintf("memory after %d wakes", p.wakes), mb(after[0]), mb(after[1]))
	return err
}

func sizes(dir string, names []string) (bytes []int, err error) {
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		bytes = append(bytes, int(info.Size()))
	}
	return bytes, nil
}

// startBoth starts both programs, one after the other, and says how long each took
// until it answered /healthz; said is that of the stage. The stage is to be ended also
// after an error.
func (p plan) startBoth(said string) (s *stage, took [2]time.Duration, err error) {
	if s, err = p.newStage(); err != nil {
		return &stage{}, took, err
	}
	s.said = said
	dialSocket := unixsock.Dialer(s.socket)
	for i, program := range []struct {
		start func() error
		dial  func(ctx context.Context, network, address string) (net.Conn, error)
	}{{func() error { return s.daemon("--interfaces", nearEnd) }, dialSocket}, {s.gateway, (&net.Dialer{}).DialContext}} {
		begun := time.Now()
		if err := program.start(); err != nil {
			return s, took, err
		}
		client := http.Client{Transport: &http.Transport{DialContext: program.dial, DisableKeepAlives: true}, Timeout: patience}
		for {
			answer, err := client.Get("http://" + gatewayAddress + "/healthz")
			if err == nil {
				_ = answer.Body.Close()
				break
			}
			if time.Since(begun) > patience {
				return s, took, err
			}
			time.Sleep(200 * time.Microsecond)
		}
		took[i] = time.Since(begun)
	}
	return s, took, nil
}

// both looks at the daemon and at the gateway.
func (s *stage) both(look func(pid int) (int, error)) (seen [2]int, err error) {
	for i := range seen {
		if seen[i], err = look(s.running[i].Process.Pid); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// wakes asks n times on 8 connections, and calls look while they are open.
func (s *stage) wakes(n int, look func() error) error {
	clients, err := dialMany(8)
	if err != nil {
		return err
	}
	defer closeAll(clients)
	var asked atomic.Int64
	if _, err := askAll(clients, s.request(), func() bool { return asked.Add(1) <= int64(n) }); err != nil {
		return err
	}
	return look()
}

// goroutines ends the daemon and the gateway and counts their goroutines: SIGQUIT has
// a Go program print all of them. As in runtime.NumGoroutine, those of the runtime and
// of its scheduler, which is number 0, do not count.
func (s *stage) goroutines() (seen [2]int, err error) {
	for i, cmd := range s.running {
		if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
			return seen, err
		}
		_ = cmd.Wait() // it does not end well
		text, err := os.ReadFile(filepath.Join(s.said, filepath.Base(cmd.Path)))
		if err != nil {
			return seen, err
		}
		for trace := range strings.SplitSeq(string(text), "\n\n") {
			number, found := strings.CutPrefix(trace, "goroutine ")
			if found && !strings.HasPrefix(number, "0 ") && !strings.Contains(trace, "\ncreated by runtime.") {
				seen[i]++
			}
		}
	}
	return seen, nil
}

func mb(bytes int) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func milli(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
