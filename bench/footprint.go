package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"wolgate/internal/unixsock"
)

// measureFootprint looks at both programs when they are ready, a second later, and
// after many wakes.
func measureFootprint(p plan) (table, error) {
	t := table{
		title: "Footprint",
		head:  []string{"", "wol-server", "api-server"},
		note:  "Memory is VmRSS in MB of 1,000,000 bytes, the mapped part of the program's own file included. Descriptors are those while 8 clients are connected.",
	}
	size, err := sizes(p.bin, "wol-server", "api-server")
	if err != nil {
		return table{}, err
	}
	t.row("file", mb(size[0]), mb(size[1]))
	starts := make([][]time.Duration, 2)
	for range p.rounds {
		s, took, err := p.startBoth()
		s.end()
		if err != nil {
			return table{}, err
		}
		for i := range starts {
			starts[i] = append(starts[i], took[i])
		}
	}
	t.row("start to first answer", milli(median(starts[0])), milli(median(starts[1])))

	s, _, err := p.startBoth()
	defer s.end()
	if err != nil {
		return table{}, err
	}
	time.Sleep(time.Second)
	idle, err := s.both(memory)
	if err != nil {
		return table{}, err
	}
	t.row("memory, idle", mb(idle[0]), mb(idle[1]))
	clients, err := dialMany(8)
	if err != nil {
		return table{}, err
	}
	defer closeAll(clients)
	var asked atomic.Int64
	if _, err := askAll(clients, s.request(), func() bool { return asked.Add(1) <= int64(p.wakes) }); err != nil {
		return table{}, err
	}
	open, err := s.both(descriptors)
	if err != nil {
		return table{}, err
	}
	t.row("descriptors", fmt.Sprint(open[0]), fmt.Sprint(open[1]))
	after, err := s.both(memory)
	t.row(fmt.Sprintf("memory after %d wakes", p.wakes), mb(after[0]), mb(after[1]))
	return t, err
}

func sizes(dir string, names ...string) (bytes []int, err error) {
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		bytes = append(bytes, int(info.Size()))
	}
	return bytes, nil
}

// startBoth starts both programs, one after the other, and returns how long each took to
// answer /healthz. The stage must be ended also after an error.
func (p plan) startBoth() (s *stage, took [2]time.Duration, err error) {
	if s, err = newStage(p.bin); err != nil {
		return &stage{}, took, err
	}
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

func mb(bytes int) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func milli(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
